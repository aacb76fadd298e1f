/** What the stores hold of the model's scenarios, and what the model says they should; both stores must agree where both hold it. */
import { expect } from 'vitest';
import type { Pipeline } from '../support/pipeline.ts';
import { chRows } from './helpers.ts';
import type { Model, Shown } from './model.ts';
import { address, named } from './scenario.ts';

type Person = {
  ext: string | null;
  n: number | null;
  created: string;
  lists: Record<string, string>;
  /** contact.* and list.* entries in order. */
  entries: Shown[];
  /** Message events. */
  events: number;
  /** Live custom events by key. */
  custom: Record<string, number>;
};
export type World = Record<string, Person>;

export function expectedWorld(name: string, model: Model): World {
  const world: World = {};
  for (const c of model.contacts) {
    const custom: Record<string, number> = {};
    for (const [key, head] of model.heads) if (head.contact === c && !head.deleted) custom[`${key}-${name}`] = head.n;
    const entries = c.entries.map(
      (e) => JSON.parse(JSON.stringify(e).replace(/"(a|b|c)"/g, (_, x: string) => `"${address(name, x)}"`)) as Shown,
    );
    for (const [n, e] of c.entries.entries()) fix(name, entries[n], e);
    world[address(name, c.email)] = {
      ext: named(name, c.ext),
      n: c.n,
      created: c.created ?? expect.any(String),
      lists: Object.fromEntries(c.lists),
      entries,
      events: c.opens,
      custom,
    };
  }
  return world;
}

/** Ids in the model's entries are short, and the time of an acceptance is not known to it. */
function fix(name: string, target: Shown | undefined, source: Shown): void {
  if (!target) return;
  const id = source.changes.external_id as { old: string | null; new: string | null } | undefined;
  if (id) target.changes.external_id = { old: named(name, id.old), new: named(name, id.new) };
  if (source.changes.created_at) target.changes.created_at = source.changes.created_at;
}

type Row = { contact_id: number; email: string; external_id: string | null; n: number | null; version: number; created: string };
const CONTACTS = `SELECT contact_id, email, external_id, custom_number_1 AS n, toUInt32(version) AS version, toString(created_at) AS created
  FROM contacts FINAL WHERE workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)} ORDER BY contact_id`;

/** Everything of the scenarios whose names start with the prefix, by name. */
export async function loadWorld(p: Pipeline, prefix: string): Promise<Map<string, World>> {
  const { rows } = await p.pool.query<Omit<Row, 'created'> & { created_at: Date }>(
    `SELECT contact_id, email, external_id, (fields->>'custom_number_1')::float8 AS n, version, created_at FROM contacts
     WHERE workspace_id = $1 AND email LIKE $2 ORDER BY contact_id`,
    [p.workspaceId, `_-${prefix}%@model.io`],
  );
  const ids = { ids: rows.map((r) => r.contact_id) };
  const iso = (text: string) => `${text.replace(' ', 'T')}Z`;
  const stored = rows.map(({ created_at, ...r }): Row => ({ ...r, created: created_at.toISOString() }));
  const mirror = (await chRows<Row>(p, CONTACTS, ids)).map((r) => ({ ...r, created: iso(r.created) }));
  expect(mirror, 'the mirror of the profiles').toEqual(stored);
  const lists = await membershipsOf(p, ids);
  const timelines = await timelinesOf(p, ids);
  const custom = await customOf(p, ids);
  const worlds = new Map<string, World>();
  for (const r of stored) {
    const name = r.email.slice(2, r.email.indexOf('@'));
    const world = worlds.get(name) ?? {};
    worlds.set(name, world);
    const all = timelines.filter((e) => e.contact_id === r.contact_id);
    world[r.email] = {
      ...{ ext: r.external_id, n: r.n, created: r.created },
      lists: Object.fromEntries(lists.filter((m) => m.contact_id === r.contact_id).map((m) => [m.list_id, m.status])),
      entries: all
        .filter((e) => !e.kind.endsWith('_email'))
        .map((e) => ({ kind: e.kind, changes: e.changes ? JSON.parse(e.changes) : {} })),
      events: all.filter((e) => e.kind.endsWith('_email')).length,
      custom: Object.fromEntries(custom.filter((e) => e.contact_id === r.contact_id).map((e) => [e.external_id, e.n])),
    };
  }
  return worlds;
}

type Ids = { ids: number[] };
const IN = 'workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)}';

async function membershipsOf(p: Pipeline, ids: Ids) {
  const columns = 'contact_id, list_id, status';
  type M = { contact_id: number; list_id: string; status: string };
  const { rows } = await p.pool.query<M>(
    `SELECT ${columns} FROM contact_lists WHERE workspace_id = $1 AND contact_id = ANY($2::int[]) AND NOT removed ORDER BY 1, 2`,
    [p.workspaceId, ids.ids],
  );
  expect(
    await chRows<M>(p, `SELECT ${columns} FROM contact_lists FINAL WHERE ${IN} ORDER BY 1, 2`, ids),
    'the mirror of the lists',
  ).toEqual(rows);
  return rows;
}

async function timelinesOf(p: Pipeline, ids: Ids) {
  type E = { contact_id: number; kind: string; changes: string };
  const query = (table: string) =>
    chRows<E>(p, `SELECT contact_id, kind, changes FROM ${table} FINAL WHERE ${IN} ORDER BY contact_id, recorded_at, ord, id`, ids);
  const entries = await query('timeline_by_contact');
  expect(await query('timeline_by_kind'), 'the other order of the timeline').toEqual(entries);
  return entries;
}

async function customOf(p: Pipeline, ids: Ids) {
  type E = { contact_id: number; external_id: string; n: number };
  const query = (table: string) =>
    chRows<E>(
      p,
      `SELECT contact_id, external_id, toUInt32(JSONExtractInt(properties, 'n')) AS n FROM ${table} FINAL
       WHERE ${IN} AND deleted_at IS NULL ORDER BY contact_id, external_id`,
      ids,
    );
  const events = await query('custom_events_by_contact');
  expect(await query('custom_events'), 'the other order of the custom events').toEqual(events);
  return events;
}
