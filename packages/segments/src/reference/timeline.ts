/** Activity leaves: how many distinct events of a kind a contact has in a timeframe. */
import { CUSTOM_KIND_PREFIX, type TimelineLeaf } from '../schema/leaf.ts';
import { liveEventsOf, textOrNone } from './custom-events.ts';
import { matchesFilters, type Row } from './filter.ts';
import { matchesTime } from './time.ts';
import type { Moment, World, WorldEvent } from './world.ts';

type Entry = { occurred_at: number; row: Row };

/** Whether the number of events is what the leaf asks for; a contact without any has 0. */
export function matchesActivity(leaf: TimelineLeaf, contactId: number, world: World, at: Moment): boolean {
  const count = entriesOf(leaf.kind, contactId, world).filter((entry) => countsFor(leaf, entry, at)).length;
  switch (leaf.count_operator) {
    case 'at_least':
      return count >= leaf.count_value;
    case 'at_most':
      return count <= leaf.count_value;
    case 'exactly':
      return count === leaf.count_value;
  }
}

function countsFor(leaf: TimelineLeaf, { occurred_at, row }: Entry, at: Moment): boolean {
  return (
    matchesTime(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], occurred_at, at) &&
    (leaf.template_id === undefined || row.template_id === leaf.template_id) &&
    matchesFilters(leaf.filters, leaf.filters_operator, row, at)
  );
}

function entriesOf(kind: string, contactId: number, world: World): Entry[] {
  if (!kind.startsWith(CUSTOM_KIND_PREFIX)) return distinctEventsOf(kind, contactId, world).map(entryOf);
  const name = kind.slice(CUSTOM_KIND_PREFIX.length);
  return liveEventsOf(contactId, world)
    .filter((event) => event.event_name === name)
    .map((event) => ({ occurred_at: event.occurred_at, row: { properties: event.properties } }));
}

/** Copies with one id and one `occurred_at` are one event, and the copy accepted first says what it holds. */
function distinctEventsOf(kind: string, contactId: number, { events }: World): WorldEvent[] {
  const first = new Map<string, WorldEvent>();
  for (const event of events) {
    if (event.contact_id !== contactId || event.kind !== kind) continue;
    const key = JSON.stringify([event.id, event.occurred_at]);
    const known = first.get(key);
    if (known === undefined || event.accepted_at < known.accepted_at) first.set(key, event);
  }
  return [...first.values()];
}

function entryOf(event: WorldEvent): Entry {
  const row = {
    message_id: textOrNone(event.message_id),
    template_id: textOrNone(event.template_id),
    campaign_id: textOrNone(event.campaign_id),
    list_id: textOrNone(event.list_id),
    link_url: textOrNone(event.link_url),
    properties: event.properties,
  };
  return { occurred_at: event.occurred_at, row };
}
