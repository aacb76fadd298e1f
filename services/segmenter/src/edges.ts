/**
 * Edges of windows: a membership that depends on how long ago something was changes at time + offset, without any new event. The
 * contacts who crossed an edge since the last look are touched like any other; the next edge says when to look again.
 */
import { localDayOf, localDayStart, MAX_TIME_MS, MIN_TIME_MS, nextDay } from '@muster/domain';
import type { Touched } from '@muster/queues';
import type { Window } from '@muster/segments';
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
/** Times come from the stored ones and may lie anywhere in their range; milliseconds are whole numbers and written as they are. */
const time = (ms: number) => `fromUnixTimestamp64Milli(toInt64(${Math.trunc(clamp(ms))}), 'UTC')`;

/** Contacts who crossed an edge after `from`, up to `to` included (milliseconds), by the dependency of the window. */
export async function crossed(deps: Deps, workspaceId: number, windows: readonly Window[], from: number, to: number): Promise<Touched> {
  const touched: Touched = new Map();
  if (windows.length === 0 || from >= to) return touched;
  const selects = windows.map(({ source, offsets }, n) => {
    const column = source.type === 'kind' ? 'occurred_at' : source.field;
    const slices = offsets.map((o) => `(${column} > ${time(from - o)} AND ${column} <= ${time(to - o)})`).join(' OR ');
    const [table, kind] = source.type === 'kind' ? ['event_times', ` AND kind = {k${n}:String}`] : ['contacts', ''];
    return `SELECT DISTINCT ${n} AS n, contact_id FROM ${table} WHERE workspace_id = {ws:UInt32}${kind} AND (${slices})`;
  });
  const rows = await rowsOf(deps, 'edges', {
    query: selects.join(' UNION ALL '),
    params: { ws: workspaceId, ...kindParams(windows) },
    schema: z.tuple([z.number(), z.number()]),
  });
  for (const [n, contact] of rows) {
    const dependency = windows[n]?.dependency ?? '';
    const known = touched.get(dependency);
    if (known === undefined) touched.set(dependency, new Set([contact]));
    else if (known !== 'all') known.add(contact);
  }
  return touched;
}

function kindParams(windows: readonly Window[]): Record<string, string> {
  return Object.fromEntries(windows.flatMap(({ source }, n) => (source.type === 'kind' ? [[`k${n}`, source.kind]] : [])));
}

/** When the next edge after `now` is due, milliseconds; null when nothing that is stored has one. */
export async function nextEdge(deps: Deps, workspaceId: number, windows: readonly Window[], now: number): Promise<number | null> {
  if (windows.length === 0) return null;
  const selects = windows.flatMap(({ source, offsets }, n) =>
    offsets.map((offset) => {
      const after = time(now - offset);
      if (source.type === 'field')
        return `SELECT minOrNull(toUnixTimestamp64Milli(assumeNotNull(${source.field}))) + (${offset}) AS due FROM contacts
          WHERE workspace_id = {ws:UInt32} AND ${source.field} > ${after}`;
      // The first row of a range of the order, not its minimum: only the row's granule is read.
      return `SELECT * FROM (SELECT toNullable(toUnixTimestamp64Milli(occurred_at)) + (${offset}) AS due FROM event_times
        WHERE workspace_id = {ws:UInt32} AND kind = {k${n}:String} AND occurred_at > ${after}
        ORDER BY workspace_id, kind, occurred_at LIMIT 1)`;
    }),
  );
  const [row] = await rowsOf(deps, 'next_edge', {
    query: `SELECT toString(min(due)) FROM (${selects.join(' UNION ALL ')}) WHERE due IS NOT NULL`,
    params: { ws: workspaceId, ...kindParams(windows) },
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
