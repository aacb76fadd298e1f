/**
 * Conditions on values inside JSON. Paths are walked on the raw text, all-digit steps one by one, because such a step is an index on an
 * array and a key on an object. What is not there, or not of the type that an operator wants, does not match and fails nothing.
 *
 * Statements with such conditions need `allow_simdjson = 0`: simdjson refuses a whole document that holds an integer above 2^64,
 * which `JSON.stringify(1e20)` writes.
 */
import { localDayOf } from '@muster/domain';
import type { TimeRange } from '../plan/time-range.ts';
import type { Params } from './params.ts';
import { search } from './text.ts';

/**
 * A value that a condition reads several times, computed once and named: written out at each place, a path of twenty steps would grow a
 * statement beyond every limit.
 */
const given = (name: string, value: string, condition: string): string => `arrayExists(${name} -> ${condition}, [${value}])`;

/** Whether a condition on raw JSON, `v`, holds at a path of a JSON text; `v` is empty where there is nothing. */
export function jsonHolds(text: string, path: readonly string[], condition: (v: string) => string, params: Params): string {
  return given('v', jsonAt(text, path, params), condition('v'));
}

function jsonAt(text: string, path: readonly string[], params: Params): string {
  let raw = text;
  let keys: string[] = [];
  const walkKeys = () => {
    if (keys.length > 0) raw = `JSONExtractRaw(${[raw, ...keys].join(', ')})`;
    keys = [];
  };
  for (const step of path) {
    if (!/^\d+$/.test(step)) {
      keys.push(params.text(step));
      continue;
    }
    walkKeys();
    const index = Number(step);
    // ClickHouse counts from 1; an index that no array reaches must not wrap around.
    const item = index < 2_147_483_647 ? `JSONExtractRaw(d, ${params.add('Int32', index + 1)})` : "''";
    const walk = `multiIf(startsWith(d, '{'), JSONExtractRaw(d, ${params.text(step)}), startsWith(d, '['), ${item}, '')`;
    raw = `arrayMap(d -> ${walk}, [${raw}])[1]`;
  }
  walkKeys();
  return raw;
}

export const jsonIsSet = (raw: string): string => `${raw} NOT IN ('', 'null')`;

const isText = (raw: string) => `substring(${raw}, 1, 1) IN ('"', 't', 'f')`;
/** Strings unescaped; `true` and `false` as they are. */
const textOf = (raw: string) => `if(startsWith(${raw}, '"'), JSONExtractString(${raw}), ${raw})`;
const isNumber = (raw: string) => `match(${raw}, '^[-0-9]')`;
const numberOf = (raw: string) => `JSONExtractFloat(${raw})`;

/** A JSON string or boolean among the texts, or a JSON number among the numbers. */
export function jsonEquals(raw: string, texts: readonly string[], numbers: readonly number[], params: Params): string {
  const either: string[] = [];
  if (texts.length > 0) either.push(`${isText(raw)} AND ${textOf(raw)} IN ${params.texts(texts)}`);
  if (numbers.length > 0) either.push(`${isNumber(raw)} AND ${numberOf(raw)} IN ${params.numbers(numbers)}`);
  return either.map((e) => `(${e})`).join(' OR ');
}

export function jsonInArray(raw: string, texts: readonly string[], numbers: readonly number[], params: Params): string {
  return `startsWith(${raw}, '[') AND arrayExists(x -> (${jsonEquals('x', texts, numbers, params)}), JSONExtractArrayRaw(${raw}))`;
}

export function jsonContains(raw: string, needles: readonly string[], params: Params): string {
  return `${isText(raw)} AND ${search('contains', textOf(raw), needles, params)}`;
}

export function jsonCompare(raw: string, comparison: string, value: number, params: Params): string {
  return `${isNumber(raw)} AND ${numberOf(raw)} ${comparison} ${params.add('Float64', value)}`;
}

// An existing day of 1900 … 2299, and RFC 3339 with an offset on such a day or one beside it; leap days are checked apart.
const YEAR = '(1899|19\\\\d\\\\d|2[0-2]\\\\d\\\\d|2300)';
const DAY = `${YEAR}-((0[13578]|1[02])-(0[1-9]|[12]\\\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\\\d|30)|02-(0[1-9]|1\\\\d|2[0-9]))`;
const CLOCK = '([01]\\\\d|2[0-3]):[0-5]\\\\d:[0-5]\\\\d(\\\\.\\\\d+)?';
const OFFSET = '([Zz]|[+-]([01]\\\\d|2[0-3]):[0-5]\\\\d)';

/** A JSON string that is a time within the range; a bare date is the first instant of its local day. Every other value is not. */
export function jsonInTimeRange(raw: string, range: TimeRange, timezone: string, params: Params): string {
  const s = 's';
  const year = `toUInt16OrZero(substring(${s}, 1, 4))`;
  const exists = `(substring(${s}, 6, 5) != '02-29' OR (${year} % 4 = 0 AND (${year} % 100 != 0 OR ${year} % 400 = 0)))`;
  const isDay = `match(${s}, '^${DAY}$') AND ${year} BETWEEN 1900 AND 2299 AND ${exists}`;
  const isInstant = `length(${s}) <= 64 AND match(${s}, '^${DAY}[Tt ]${CLOCK}${OFFSET}$') AND ${exists}`;
  const ms = instantMs(s, params);
  const bounds = (compare: (bound: number, side: 'from' | 'to') => string) =>
    [range.from === null ? '' : compare(range.from, 'from'), range.to === null ? '' : compare(range.to, 'to')]
      .filter(Boolean)
      .join(' AND ') || '1';
  // First instant of a day ≥ bound ⟺ the day is later than the one of the instant before it: no zone is needed in the database.
  const days = bounds((bound, side) => `${s} ${side === 'from' ? '>' : '<='} ${params.text(localDayOf(timezone, bound - 1))}`);
  const instants = bounds((bound, side) => `${ms} ${side === 'from' ? '>=' : '<'} ${params.ms(bound)}`);
  const inRange = `${ms} BETWEEN ${params.ms(MIN_MS)} AND ${params.ms(MAX_MS)}`;
  return `startsWith(${raw}, '"') AND ${given(s, `JSONExtractString(${raw})`, `multiIf(${isDay}, ${days}, ${isInstant}, ${inRange} AND ${instants}, 0)`)}`;
}

const MIN_MS = Date.UTC(1900, 0, 1);
const MAX_MS = Date.UTC(2300, 0, 1) - 1;

/** Milliseconds of RFC 3339 text whose form was checked. Days are counted by themselves: the time types end at 1900 and 2299. */
function instantMs(s: string, params: Params): string {
  const part = (from: number, length: number) => `toInt64OrZero(substring(${s}, ${from}, ${length}))`;
  // Days from civil (proleptic Gregorian): March-based years, so that the leap day is the last of its year.
  const shift = `if(${part(6, 2)} <= 2, 1, 0)`;
  const y = `(${part(1, 4)} - ${shift})`;
  const m = `(${part(6, 2)} + if(${part(6, 2)} > 2, -3, 9))`;
  const days = `(365 * ${y} + intDiv(${y}, 4) - intDiv(${y}, 100) + intDiv(${y}, 400) + intDiv(153 * ${m} + 2, 5) + ${part(9, 2)} - 719469)`;
  const seconds = `(${part(12, 2)} * 3600 + ${part(15, 2)} * 60 + ${part(18, 2)})`;
  const fraction = `toInt64OrZero(rightPad(substring(extract(${s}, '\\\\.(\\\\d+)'), 1, 3), 3, '0'))`;
  const offset = `if(endsWith(upper(${s}), 'Z'), 0, if(substring(${s}, length(${s}) - 5, 1) = '-', -1, 1)
    * (toInt64OrZero(substring(${s}, length(${s}) - 4, 2)) * 60 + toInt64OrZero(substring(${s}, length(${s}) - 1, 2))))`;
  return `((${days} * 86400 + ${seconds}) * ${params.ms(1_000)} + ${fraction} - ${offset} * 60000)`;
}
