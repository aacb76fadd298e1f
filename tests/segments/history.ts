/** A world as it comes about: what is there first, and what happens later, in batches at later and later moments. */
import type { World, WorldContact } from '@muster/segments/reference';
import { momentsOf, NOWS, TIMEZONES, treeArbitrary, worldArbitrary } from '@muster/segments/testing';
import fc from 'fast-check';
import type { Batch, Definition } from './lab.ts';

export type History = {
  definitions: Definition[];
  /** Moments ascend, milliseconds. */
  checkpoints: { now: number; batch: Batch; world: World }[];
};

export type HistoryOptions = { trees: number; checkpoints: number };

export function historyArbitrary({ trees, checkpoints }: HistoryOptions): fc.Arbitrary<History> {
  return fc.constantFrom(...NOWS).chain((anchor) => {
    const definition = fc
      .constantFrom(...TIMEZONES)
      .chain((timezone) => treeArbitrary({ anchor, timezone }).map((tree): Omit<Definition, 'id'> => ({ tree, timezone })));
    return fc
      .record({
        world: worldArbitrary({ anchor }),
        definitions: fc.array(definition, { minLength: trees, maxLength: trees, size: 'max' }),
        places: fc.array(fc.nat(checkpoints * 2 - 2), { minLength: 40, maxLength: 40, size: 'max' }),
        edges: fc.array(fc.tuple(fc.nat(99_999), fc.constantFrom(-1, 0, 0, 1)), { minLength: checkpoints - 1, maxLength: checkpoints - 1 }),
        erased: fc.nat(30),
      })
      .map(({ world, definitions, places, edges, erased }): History => {
        const named = definitions.map((d, n) => ({ ...d, id: `s${n}` }));
        const referred = [...world.segments].map(([id, { tree, timezone }]) => ({ id, tree, timezone }));
        const moments = momentsFor(world, named, anchor, edges);
        // Half of everything is there from the beginning.
        const placeOf = (n: number) => Math.max(0, (places[n % places.length] ?? 0) - checkpoints + 1);
        return { definitions: [...referred, ...named], checkpoints: unfold(world, moments, placeOf, erased) };
      });
  });
}

/** The anchor, then the very edges of windows after it, a millisecond off now and then. */
function momentsFor(world: World, definitions: readonly Definition[], anchor: number, edges: readonly [number, number][]): number[] {
  const all = definitions
    .flatMap((d) => momentsOf(world, d.tree, { now: anchor, timezone: d.timezone }))
    .filter((ms) => ms >= anchor && ms < anchor + 400 * 86_400_000);
  const chosen = edges.map(([at, jitter]) => Math.max(anchor, (all[at % Math.max(1, all.length)] ?? anchor) + jitter));
  return [anchor, ...chosen.sort((a, b) => a - b)];
}

function unfold(world: World, moments: readonly number[], placeOf: (n: number) => number, erased: number): History['checkpoints'] {
  const batches = moments.map((): Batch => ({ contacts: [], memberships: [], events: [], customEvents: [], erased: [] }));
  const at = (n: number): Batch => batches[placeOf(n)] as Batch;
  world.contacts.forEach((contact, n) => {
    const place = placeOf(n);
    // Before they are what the world says, they look like somebody else.
    if (place > 0) (batches[0] as Batch).contacts.push(earlier(contact, world.contacts[(n + 1) % world.contacts.length] ?? contact));
    (batches[place] as Batch).contacts.push(contact);
  });
  world.memberships.forEach((membership, n) => {
    const place = placeOf(n + 7);
    if (place > 0) (batches[0] as Batch).memberships.push({ ...membership, removed: !membership.removed, status: 'pending' });
    (batches[place] as Batch).memberships.push(membership);
  });
  for (const [n, event] of world.events.entries()) at(n + 13).events.push(event);
  // Versions of one event come in order.
  const places = new Map<string, number>();
  for (const [n, event] of [...world.customEvents].sort((a, b) => a.version - b.version).entries()) {
    const key = JSON.stringify([event.event_name, event.external_id]);
    const place = Math.max(places.get(key) ?? 0, placeOf(n + 29));
    places.set(key, place);
    (batches[place] as Batch).customEvents.push(event);
  }
  if (erased < world.contacts.length) (batches.at(-1) as Batch).erased.push(world.contacts[erased]?.contact_id ?? 0);
  const seen: World = { contacts: [], memberships: [], events: [], customEvents: [], segments: world.segments };
  return batches.map((batch, n) => {
    seen.contacts = latest([...seen.contacts, ...batch.contacts], (c) => `${c.contact_id}`).filter(
      (c) => !batch.erased.includes(c.contact_id),
    );
    seen.memberships = latest([...seen.memberships, ...batch.memberships], (m) => `${m.contact_id} ${m.list_id}`);
    seen.events = [...seen.events, ...batch.events];
    seen.customEvents = [...seen.customEvents, ...batch.customEvents];
    return { now: moments[n] ?? 0, batch, world: { ...seen } };
  });
}

/** Identifiers and the id are one's own. */
function earlier(contact: WorldContact, other: WorldContact): WorldContact {
  return { ...contact, created_at: other.created_at, updated_at: other.updated_at, fields: other.fields };
}

function latest<T>(rows: readonly T[], keyOf: (row: T) => string): T[] {
  return [...new Map(rows.map((row) => [keyOf(row), row])).values()];
}
