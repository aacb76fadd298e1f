/** Custom events as they are now: the highest version of each key, unless that is deleted. */
import type { World, WorldCustomEvent } from './world.ts';

/** The live events of one contact. An event that moved belongs to the contact of its highest version alone. */
export function liveEventsOf(contactId: number, { customEvents }: World): WorldCustomEvent[] {
  const latest = new Map<string, WorldCustomEvent>();
  for (const event of customEvents) {
    const key = JSON.stringify([event.event_name, event.external_id]);
    const known = latest.get(key);
    if (known === undefined || event.version > known.version) latest.set(key, event);
  }
  return [...latest.values()].filter((event) => event.contact_id === contactId && event.deleted_at === null);
}

/** An empty text of an event is no value. */
export function textOrNone(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
