/**
 * Times around an anchor, the moment at which a tree will be asked: at the edges of windows of days, of local days where DST starts or
 * ends, and at the limits, each also a millisecond off.
 */
import { localDayStart, MAX_TIME_MS, MIN_TIME_MS } from '@muster/domain';
import fc from 'fast-check';
import { timeSpan } from '../schema/values.ts';
import { DAYS, favouring, NOWS, TIMEZONES } from './pools.ts';

const DAY_MS = 86_400_000;

const LOCAL_DAYS = [
  '2026-03-29',
  '2026-10-25',
  '2018-11-04',
  '2018-11-05',
  '2011-12-30',
  '2011-12-31',
  '2026-04-05',
  '2028-02-29',
  '2027-01-01',
];

const EDGES_OF_DAYS = LOCAL_DAYS.flatMap((day) => TIMEZONES.map((zone) => localDayStart(zone, day)));

const FAR = ['1970-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '2000-02-29T12:00:00.000Z', '2025-02-28T12:00:00.000Z'].map((text) =>
  Date.parse(text),
);

const within = (instant: number): number => Math.min(MAX_TIME_MS, Math.max(MIN_TIME_MS, instant));

/** -1, 0 or 1 ms, 0 as often as both of the others. */
export const jitterArbitrary: fc.Arbitrary<number> = fc.constantFrom(0, 0, -1, 1);

const windowArbitrary = fc.constantFrom(
  ...DAYS.map((days) => Number(days) * DAY_MS),
  0,
  DAY_MS / 24,
  3 * DAY_MS,
  20 * DAY_MS,
  100 * DAY_MS,
);

/** ms; before the anchor more often than after it. */
export function instantArbitrary(anchor: number): fc.Arbitrary<number> {
  const around = fc
    .tuple(windowArbitrary, fc.constantFrom(-1, -1, -1, 1), jitterArbitrary)
    .map(([window, direction, jitter]) => within(anchor + direction * window + jitter));
  const edge = fc.tuple(fc.constantFrom(...EDGES_OF_DAYS, ...NOWS), jitterArbitrary).map(([instant, jitter]) => instant + jitter);
  return fc.oneof(
    { weight: 8, arbitrary: around },
    { weight: 2, arbitrary: edge },
    { weight: 1, arbitrary: fc.constantFrom(...FAR, MIN_TIME_MS, MAX_TIME_MS) },
  );
}

/** When an event happened: at most 24 hours after the anchor. */
export function pastArbitrary(anchor: number): fc.Arbitrary<number> {
  return instantArbitrary(anchor).map((instant) => Math.min(instant, anchor + DAY_MS));
}

/** RFC 3339 in one of the ways to write the instant. */
function written(instant: number, how: 'utc' | 'short' | 'east' | 'west' | 'spaced'): string {
  const at = (offset: number): string => new Date(within(instant + offset * 60_000)).toISOString().slice(0, -1);
  switch (how) {
    case 'utc':
      return `${at(0)}Z`;
    case 'short':
      return `${at(0).toLowerCase().replace('.000', '')}z`;
    case 'east':
      return `${at(330)}+05:30`;
    case 'west':
      return `${at(-180)}000-03:00`;
    case 'spaced':
      return `${at(0).replace('T', ' ')}+00:00`;
  }
}

const howArbitrary = fc.constantFrom(
  'utc' as const,
  'utc' as const,
  'utc' as const,
  'short' as const,
  'east' as const,
  'west' as const,
  'spaced' as const,
);

/** Instants and bare days around the anchor, as text. */
function timeTextArbitrary(anchor: number): fc.Arbitrary<string> {
  const instant = fc.tuple(instantArbitrary(anchor), howArbitrary).map(([at, how]) => written(at, how));
  const day = instantArbitrary(anchor).map((at) => new Date(at).toISOString().slice(0, 10));
  return fc.oneof(
    { weight: 3, arbitrary: instant },
    { weight: 2, arbitrary: day },
    { weight: 1, arbitrary: fc.constantFrom(...LOCAL_DAYS) },
  );
}

/** Texts in JSON that are a time, or nearly one. */
export function datelikeArbitrary(anchor: number): fc.Arbitrary<string> {
  const broken = [
    ...[
      '2026-02-29',
      '2026-06-31',
      '2026-6-15',
      '15.06.2026',
      '2026-06-15T10:00:00',
      '2026-06-15T10:00Z',
      '2026-06-15T24:00:00Z',
      '1781517600',
    ],
    ...[
      '2016-12-31T23:59:60Z',
      '2026-06-15T10:00:00+0200',
      ' 2026-06-15',
      '2026-06-15Z',
      '1899-12-31',
      '2300-01-01T00:00:00Z',
      '0000-00-00',
    ],
    ...[
      '2026-06-15T10:00:00+24:00',
      '2026-06-15T10:00:00.Z',
      '2026-06-15T10:60:00Z',
      '２０２６-06-15',
      '+2026-06-15',
      '2026-06-15T10:00:00Z\n',
    ],
  ];
  return fc.oneof({ weight: 3, arbitrary: timeTextArbitrary(anchor) }, { weight: 1, arbitrary: fc.constantFrom(...broken) });
}

/** A date that operators take. */
export function dateArbitrary(anchor: number, timezone: string): fc.Arbitrary<string> {
  return timeTextArbitrary(anchor).filter((text) => timeSpan(text, timezone) !== null);
}

/** A start and an end, the end not before the start. */
export function datesArbitrary(anchor: number, timezone: string): fc.Arbitrary<[string, string]> {
  return fc
    .tuple(dateArbitrary(anchor, timezone), dateArbitrary(anchor, timezone))
    .map(([a, b]): [string, string] => (isRange(a, b, timezone) ? [a, b] : isRange(b, a, timezone) ? [b, a] : [a, '2299-01-01']))
    .filter(([start, end]) => isRange(start, end, timezone));
}

function isRange(start: string, end: string, timezone: string): boolean {
  const [first, last] = [timeSpan(start, timezone), timeSpan(end, timezone)];
  return first !== null && last !== null && first.from < last.to;
}

/** Two numbers of days, the larger first. */
export const daysAgoArbitrary: fc.Arbitrary<[string, string]> = fc
  .tuple(favouring<string>(DAYS, [...DAYS, '90', '36525']), fc.constantFrom('0', '0.25', ...DAYS))
  .map(([a, b]): [string, string] => (Number(a) === Number(b) ? [a, '0'] : Number(a) > Number(b) ? [a, b] : [b, a]));
