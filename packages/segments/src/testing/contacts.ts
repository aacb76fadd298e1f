/** Contacts with a few fields each: the favourites often, every other field now and then. */
import { CONTACT_FIELD_RULES, type ContactField, type JsonValue, MEMBERSHIP_STATUSES } from '@muster/domain';
import fc from 'fast-check';
import type { WorldContact, WorldMembership } from '../reference/world.ts';
import { jsonFieldArbitrary } from './json.ts';
import { fieldTextArbitrary, LIST_IDS, numberArbitrary } from './pools.ts';
import { instantArbitrary } from './times.ts';

/** Fields that many contacts have and many filters name; `email`, `created_at` and `updated_at` every contact has. */
export const FAVOURITE_FIELDS: readonly string[] = [
  ...['first_name', 'custom_string_1', 'custom_number_1', 'custom_number_2', 'custom_datetime_1', 'custom_datetime_2'],
  ...['custom_json_1', 'custom_json_2', 'created_at'],
];

/** A contact whose identifiers still lack what makes them unique. */
type ContactSpec = Omit<WorldContact, 'contact_id'>;

/** Before `@`: normalised, told apart by the number that follows. */
const LOCAL_PARTS = ['ada', 'ada.lovelace', "o'brien", '100%', 'a_b', 'οδοσ', 'école', 'true', 'x+y', '{p}'];

export function contactsArbitrary(anchor: number): fc.Arbitrary<WorldContact[]> {
  return fc
    .array(contactArbitrary(anchor), { minLength: 12, maxLength: 25, size: 'max' })
    .map((specs) => specs.map((spec, n) => contactOf(spec, n + 1)));
}

function contactArbitrary(anchor: number): fc.Arbitrary<ContactSpec> {
  return fc.record({
    email: fc.constantFrom(...LOCAL_PARTS),
    external_id: fc.constantFrom(null, null, 'A-', 'a-', "k'", 'k%', 'ключ', '😀'),
    created_at: instantArbitrary(anchor),
    updated_at: instantArbitrary(anchor),
    fields: fieldsArbitrary(anchor),
  });
}

/** The number makes both identifiers unique. */
function contactOf(spec: ContactSpec, id: number): WorldContact {
  const external_id = spec.external_id === null ? null : `${spec.external_id}${id}`;
  return { ...spec, contact_id: id, email: `${spec.email}${id}@example.com`, external_id };
}

function fieldsArbitrary(anchor: number): fc.Arbitrary<Record<string, JsonValue>> {
  const favourites = CONTACT_FIELD_RULES.filter((field) => FAVOURITE_FIELDS.includes(field.name));
  const often = favourites.map((field) => fc.option(entryArbitrary(field, anchor), { freq: 2 }));
  const seldom = fc.array(fc.oneof(...CONTACT_FIELD_RULES.map((field) => entryArbitrary(field, anchor))), { maxLength: 5, size: 'max' });
  return fc
    .tuple(fc.tuple(...often), seldom)
    .map(([some, more]) => Object.fromEntries([...some.filter((entry) => entry !== null), ...more]));
}

function entryArbitrary(field: ContactField, anchor: number): fc.Arbitrary<[string, JsonValue]> {
  return fc.tuple(fc.constant(field.name), fieldValueArbitrary(field, anchor));
}

function fieldValueArbitrary({ rule, max }: ContactField, anchor: number): fc.Arbitrary<JsonValue> {
  switch (rule) {
    case 'number':
      return numberArbitrary;
    case 'datetime':
      return instantArbitrary(anchor).map((instant) => new Date(instant).toISOString());
    case 'json':
      return jsonFieldArbitrary(anchor);
    default:
      return fieldTextArbitrary(max);
  }
}

/** At most one membership for each contact and list, removed ones among them. `contact` is a position. */
export function membershipsArbitrary(): fc.Arbitrary<(Omit<WorldMembership, 'contact_id'> & { contact: number })[]> {
  const membership = fc.record({
    contact: fc.nat(24),
    list_id: fc.constantFrom(...LIST_IDS),
    status: fc.constantFrom('active' as const, ...MEMBERSHIP_STATUSES),
    removed: fc.constantFrom(false, false, true),
  });
  return fc.uniqueArray(membership, { maxLength: 40, size: 'max', selector: ({ contact, list_id }) => `${contact} ${list_id}` });
}
