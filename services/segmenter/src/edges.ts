/**
 * Edges of windows: a membership that depends on how long ago something was changes at time + offset, without any new event. The
 * contacts who crossed an edge since the last look are touched like any other; the next edge says when to look again.
 */
import { localDayOf, localDayStart, MAX_TIME_MS, MIN_TIME_MS, nextDay } from '@muster/domain';
import { type Touched, touch } from '@muster/queues';
import { Params, type Window } from '@muster/segments';
import { z } from 'zod';
import type { Definition } from './definitions.ts';
import type { Deps } from './deps.ts';
import { rowsOf } from './statements.ts';

/** Windows of several definitions, each source once. */
export function mergeWindows(definitions: readonly Definition[]): Window[] {
  const merged = new Map<string, Window>();
  for (const { dependencies } of definitions)
    for (const window of dependencies.windows) {
      const offsets = new Set([...(merged.get(window.dependency)?.offsets ?? []), ...window.offsets]);
      merged.set(window.dependency, { ...window, offsets: [...offsets] });
    }
  return [...merged.values()];
}

const clamp = (ms: number) => Math.min(Math.max(ms, MIN_TIME_MS), MAX_TIME_MS);
const time = (ms: number, params: Params) => `fromUnixTimestamp64Milli(${params.ms(clamp(ms))}, 'UTC')`;

/** Whether a contact need not be looked at under `dependency` because its entry of that moment (milliseconds) began. */
export type Settled = (dependency: string, contact: number, began: number) => boolean;

/** Contacts who crossed an edge after `from`, up to `to` included (milliseconds), by the dependency under which they are looked at. */
export async function crossed(
  deps: Deps,
  workspaceId: number,
  windows: readonly Window[],
  from: number,
  to: number,
  settled: Settled = () => false,
): Promise<Touched> {
  const touched: Touched = new Map();
  if (windows.length === 0 || from >= to) return touched;
  const params = new Params();
  const ws = params.add('UInt32', workspaceId);
  const selects = windows.map(({ source, offsets }, n) => {
    const column = source.type === 'kind' ? 'occurred_at' : source.field;
    const slice = (o: number) => `(${column} > ${time(from - o, params)} AND ${column} <= ${time(to - o, params)})`;
    const anyOf = (some: readonly number[]) => some.map(slice).join(' OR ') || 'false';
    const passed = anyOf(offsets.filter((o) => o !== 0));
    const began = anyOf(offsets.filter((o) => o === 0));
    const [table, kind] = source.type === 'kind' ? ['entry_times', ` AND kind = ${params.text(source.kind)}`] : ['contacts', ''];
    return `SELECT ${n} AS n, contact_id, max(toBool(${passed})), toString(maxOrNullIf(toUnixTimestamp64Milli(assumeNotNull(${column})), ${began}))
      FROM ${table} WHERE workspace_id = ${ws}${kind} AND (${anyOf(offsets)}) GROUP BY contact_id`;
  });
  const rows = await rowsOf(deps, 'edges', {
    query: selects.join(' UNION ALL '),
    params: params.values,
    schema: z.tuple([z.number(), z.number(), z.boolean(), z.string().nullable()]),
  });
  for (const [n, contact, passed, began] of rows) {
    const window = windows[n];
    if (!window) continue;
    if (passed) touch(touched, window.dependency, contact);
    if (began !== null && !settled(window.began, contact, Number(began))) touch(touched, window.began, contact);
  }
  return touched;
}

/** When the next edge after `now` is due, milliseconds; null when nothing that is stored has one. */
export async function nextEdge(deps: Deps, workspaceId: number, windows: readonly Window[], now: number): Promise<number | null> {
  if (windows.length === 0) return null;
  const params = new Params();
  const ws = params.add('UInt32', workspaceId);
  const selects = windows.flatMap(({ source, offsets }) =>
    offsets.map((offset) => {
      const after = time(now - offset, params);
      const shift = params.ms(offset);
      if (source.type === 'field')
        return `SELECT minOrNull(toUnixTimestamp64Milli(assumeNotNull(${source.field}))) + ${shift} AS due FROM contacts
          WHERE workspace_id = ${ws} AND ${source.field} > ${after}`;
      // The first row of a range of the order, not its minimum: only the row's granule is read.
      return `SELECT * FROM (SELECT toNullable(toUnixTimestamp64Milli(occurred_at)) + ${shift} AS due FROM entry_times
        WHERE workspace_id = ${ws} AND kind = ${params.text(source.kind)} AND occurred_at > ${after}
        ORDER BY workspace_id, kind, occurred_at LIMIT 1)`;
    }),
  );
  const [row] = await rowsOf(deps, 'next_edge', {
    query: `SELECT toString(min(due)) FROM (${selects.join(' UNION ALL ')}) WHERE due IS NOT NULL`,
    params: params.values,
    schema: z.tuple([z.string().nullable()]),
  });
  return row?.[0] == null ? null : Number(row[0]);
}

/** Definitions whose local day began after `from`, up to `to` included, among those that depend on it. */
export function dayBegan(definitions: readonly Definition[], from: number, to: number): Definition[] {
  return definitions.filter(({ dependencies, row }) => {
    if (!dependencies.midnights) return false;
    const start = localDayStart(row.timezone, localDayOf(row.timezone, to));
    return start > from && start <= to;
  });
}

/** When the next local day begins that some definition depends on; null when none does. */
export function nextMidnight(definitions: readonly Definition[], now: number): number | null {
  const starts = definitions
    .filter(({ dependencies }) => dependencies.midnights)
    .map(({ row }) => localDayStart(row.timezone, nextDay(localDayOf(row.timezone, now))));
  return starts.length === 0 ? null : Math.min(...starts);
}
