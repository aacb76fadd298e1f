/** Small worlds: a dozen or two of contacts, what they did, and three segments that trees may refer to. */
import fc from 'fast-check';
import type { World } from '../reference/world.ts';
import { contactsArbitrary, membershipsArbitrary } from './contacts.ts';
import { customEventsArbitrary, eventsArbitrary } from './events.ts';
import { NOWS, SEGMENT_IDS, TIMEZONES } from './pools.ts';
import { treeArbitrary } from './tree.ts';

export type WorldOptions = {
  /** ms; the times of the world lie around it. Default: the first of {@link NOWS}. */
  anchor?: number;
};

/** An id that no contact has; what happened to it counts for nobody. */
const NOBODY = 999_999;

/** Contacts have the ids 1, 2, 3…; events may name one that does not exist. */
export function worldArbitrary(options: WorldOptions = {}): fc.Arbitrary<World> {
  const { anchor = NOWS[0] as number } = options;
  return fc
    .record({
      contacts: contactsArbitrary(anchor),
      memberships: membershipsArbitrary(),
      events: eventsArbitrary(anchor),
      customEvents: customEventsArbitrary(anchor),
      segments: segmentsArbitrary(anchor),
    })
    .map(({ contacts, memberships, events, customEvents, segments }): World => {
      const idAt = (position: number): number => contacts[position]?.contact_id ?? NOBODY;
      const settled = <T extends { contact: number }>({ contact, ...rest }: T) => ({
        ...rest,
        contact_id: idAt(contact % (contacts.length + 1)),
      });
      return {
        contacts,
        memberships: memberships.filter(({ contact }) => contact < contacts.length).map(settled),
        events: events.map(settled),
        customEvents: customEvents.map(settled),
        segments,
      };
    });
}

function segmentsArbitrary(anchor: number): fc.Arbitrary<World['segments']> {
  const segments = SEGMENT_IDS.map((id, n) =>
    fc
      .constantFrom(...TIMEZONES)
      .chain((timezone) =>
        treeArbitrary({ anchor, timezone, segments: SEGMENT_IDS.slice(0, n) }).map(
          (tree): [string, { tree: typeof tree; timezone: string }] => [id, { tree, timezone }],
        ),
      ),
  );
  return fc.tuple(...segments).map((entries) => new Map(entries));
}
