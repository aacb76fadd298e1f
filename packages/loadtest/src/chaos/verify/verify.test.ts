import type { AuditState } from '@muster/postgres';
import { expect, test } from 'vitest';
import { customState } from '../producers/custom-events.ts';
import { emptyKnowledge, type Knowledge } from '../producers/record.ts';
import { emptyTally } from '../producers/sender.ts';
import { SEGMENT_IDS } from '../segments.ts';
import { compareContacts } from './contacts.ts';
import { compareCustomEvents } from './custom-events.ts';
import { compareEvents } from './events.ts';
import { compareLedger } from './ledger.ts';
import { compareErased, compareMemberships, compareRejected } from './rest.ts';
import { compareAudits, faultsOf as faultsOfMembers } from './segments.ts';
import { ORDERS, type Stored, type StoredChange } from './stored.ts';

const A = 'a@x.io';

/** What the stores hold after the given values of one contact's numbered field, as both timelines tell them. */
function storedSteps(...values: number[]): Stored {
  const changes: StoredChange[] = [
    { contactId: 1, kind: 'contact.created', step: null },
    ...values.slice(1).map((value, n) => ({ contactId: 1, kind: 'contact.updated', step: { old: values[n] ?? null, new: value } })),
  ];
  return {
    contacts: [{ contact_id: 1, email: A, version: values.length, value: values.at(-1) ?? null }],
    changes: { timeline_by_contact: changes, timeline_by_kind: structuredClone(changes) },
    events: { timeline_by_contact: [], timeline_by_kind: [] },
    customEvents: { custom_events: [], custom_events_by_contact: [] },
    memberships: { postgres: [], mirror: [] },
    rejections: [],
    erasedIds: [],
  };
}

const sent = (steps: number, ...unknown: number[]): Knowledge => ({
  ...emptyKnowledge(),
  contacts: new Map([[A, { sent: steps, unknown }]]),
});
const faultsOf = (checks: { faults: string[] }[]): string[] => checks.flatMap(({ faults }) => faults);

test('steps: all of them in order are right, and so are those of unknown fate, there or not', () => {
  expect(faultsOf(compareContacts(sent(3), storedSteps(1, 2, 3)))).toEqual([]);
  expect(faultsOf(compareContacts(sent(1), storedSteps(1)))).toEqual([]);
  for (const values of [
    [1, 3],
    [1, 2, 3],
    [1, 3, 2],
  ])
    expect(faultsOf(compareContacts(sent(3, 2), storedSteps(...values)))).toEqual([]);
});

test.each<[string, Knowledge, number[], RegExp]>([
  ['a lost update in the middle', sent(3), [1, 3], /lost steps 2$/],
  ['a lost last update', sent(3), [1, 2], /lost steps 3$/],
  ['two in the wrong order', sent(3), [1, 3, 2], /step 3 before an earlier one/],
  ['one applied twice', sent(3), [1, 2, 3, 2], /step 2 twice/],
  ['a value that nobody sent', sent(2), [1, 2, 9], /value 9 was never sent/],
  ['a step of unknown fate before what was acknowledged first', sent(3, 3), [3, 1, 2], /before an earlier one/],
])('steps: finds %s', (_, knowledge, values, fault) => {
  const checks = compareContacts(knowledge, storedSteps(...values));
  expect(checks).toHaveLength(2);
  for (const { faults } of checks) expect(faults.join('\n')).toMatch(fault);
});

test('steps: finds a missing contact, a broken chain, a profile that its timeline does not tell, a version too many', () => {
  expect(faultsOf(compareContacts(sent(2), { ...storedSteps(1, 2), contacts: [] }))[0]).toMatch(/not there, 2 steps are lost/);
  const broken = storedSteps(1, 2, 3);
  broken.changes.timeline_by_kind[2] = { contactId: 1, kind: 'contact.updated', step: { old: 1, new: 3 } };
  expect(faultsOf(compareContacts(sent(3), broken))).toEqual([`${A}: step 3 starts from 1, not from 2`]);
  const [contact] = storedSteps(1, 2).contacts;
  if (!contact) throw new Error('no contact');
  expect(faultsOf(compareContacts(sent(2), { ...storedSteps(1, 2), contacts: [{ ...contact, value: 1 }] }))[0]).toMatch(
    /holds 1, its timeline ends with 2/,
  );
  expect(faultsOf(compareContacts(sent(2), { ...storedSteps(1, 2), contacts: [{ ...contact, version: 3 }] }))[0]).toMatch(
    /version 3 after 2 steps/,
  );
  const twice = storedSteps(1);
  twice.changes.timeline_by_contact.push({ contactId: 1, kind: 'contact.created', step: null });
  expect(faultsOf(compareContacts(sent(1), twice))).toEqual([`${A}: 2 entries contact.created`]);
});

const knownEvent = (fate: 'acknowledged' | 'unknown' | 'erased', email: string | null = A): Knowledge => ({
  ...emptyKnowledge(),
  events: new Map([['m1', { email, id: 'e1', fate }]]),
});
const row = { message_id: 'm1', id: 'e1', contact_id: 1 };
const storedEvents = (rows: (typeof row)[]): Stored => ({
  ...storedSteps(1),
  events: { timeline_by_contact: rows, timeline_by_kind: rows },
});

test.each<[string, Knowledge, (typeof row)[], RegExp | null]>([
  ['accepts one row', knownEvent('acknowledged'), [row], null],
  ['accepts an event of unknown fate that is there', knownEvent('unknown'), [row], null],
  ['accepts an event of unknown fate that is not', knownEvent('unknown'), [], null],
  ['accepts a parked event that is nowhere', knownEvent('acknowledged', null), [], null],
  ['finds a lost event', knownEvent('acknowledged'), [], /m1: lost/],
  ['finds a doubled row', knownEvent('acknowledged'), [row, row], /m1: 2 rows/],
  ['finds a doubled row of unknown fate', knownEvent('unknown'), [row, row], /m1: 2 rows/],
  ['finds an event of somebody else', knownEvent('acknowledged'), [{ ...row, contact_id: 2 }], /filed under contact 2/],
  ['finds an event under another id', knownEvent('acknowledged'), [{ ...row, id: 'e2' }], /has the id e2/],
  ['finds an event that nobody sent', knownEvent('acknowledged'), [row, { ...row, message_id: 'm2' }], /m2: was never sent/],
  ['finds a parked event that was delivered to nobody', knownEvent('acknowledged', null), [row], /nobody has its external_id/],
  ['finds an event of an erased contact', knownEvent('erased'), [row], /its contact was erased/],
])('events: %s', (_, knowledge, rows, fault) => {
  const checks = compareEvents(knowledge, storedEvents(rows));
  expect(checks).toHaveLength(ORDERS.length);
  for (const { faults } of checks) {
    if (fault === null) expect(faults).toEqual([]);
    else expect(faults.join('\n')).toMatch(fault);
  }
});

test('events: finds one that is missing in one order only', () => {
  const stored = { ...storedSteps(1), events: { timeline_by_contact: [row], timeline_by_kind: [] } };
  expect(compareEvents(knownEvent('acknowledged'), stored).map(({ faults }) => faults.length)).toEqual([0, 1]);
});

test('custom events: the last write is right; an older one, another contact, a second row and none are found', () => {
  const knowledge = { customEvents: new Map([['o1', { sent: 3, unknown: [] as number[] }]]) };
  const contacts = [0, 1, 2].map((n) => ({ contact_id: n + 1, email: `order-${n}-o1@chaos.example`, version: 1, value: null }));
  const at = (step: number) => {
    const { email, deleted } = customState('o1', step);
    return { externalId: 'o1', contactId: contacts.find((c) => c.email === email)?.contact_id ?? 0, step, deleted };
  };
  const found = (...rows: ReturnType<typeof at>[]): string =>
    faultsOf(compareCustomEvents(knowledge, { contacts, customEvents: { custom_events: rows, custom_events_by_contact: rows } })).join(
      '\n',
    );
  expect(found(at(3))).toBe('');
  expect(found(at(2))).toMatch(/says step 2, the last one was 3/);
  expect(found(at(3), at(3))).toMatch(/2 rows/);
  expect(found()).toMatch(/lost/);
  expect(found({ ...at(3), contactId: 9 })).toMatch(/filed under contact 9/);
  expect(found({ ...at(3), deleted: !at(3).deleted })).toMatch(/deleted after step 3/);
  knowledge.customEvents.set('o1', { sent: 3, unknown: [3] });
  expect(found(at(2))).toBe('');
  expect(found(at(3))).toBe('');
  expect(found(at(1))).toMatch(/says step 1/);
});

test('memberships: another status, a missing one and one too many are found', () => {
  const look = (expected: string | null, status: string | null, uncertain = false): string[] => {
    const rows = status === null ? [] : [{ contactId: 1, list: 'l', status }];
    const knowledge = { memberships: new Map([[`${A} l`, { expected, uncertain }]]) };
    return faultsOf(compareMemberships(knowledge, { ...storedSteps(1), memberships: { postgres: rows, mirror: rows } }));
  };
  expect(look('active', 'active')).toEqual([]);
  expect(look(null, null)).toEqual([]);
  expect(look('active', 'unsubscribed')).toHaveLength(2);
  expect(look('active', null)).toHaveLength(2);
  expect(look(null, 'active')).toHaveLength(2);
  expect(look(null, 'active', true)).toEqual([]);
});

test('rejections and erasures: what is missing, doubled or still there is found', () => {
  const rejected = { rejected: new Map([['b@x.io', 'acknowledged' as const]]) };
  const rejection = { code: 'external_id_taken', email: 'b@x.io' };
  expect(compareRejected(rejected, { ...storedSteps(1), rejections: [rejection] }).faults).toEqual([]);
  expect(compareRejected(rejected, storedSteps(1)).faults).toEqual(['b@x.io: 0 rejections']);
  expect(compareRejected(rejected, { ...storedSteps(1), rejections: [rejection, rejection] }).faults).toEqual(['b@x.io: 2 rejections']);
  expect(compareRejected({ rejected: new Map() }, { ...storedSteps(1), rejections: [rejection] }).faults).toHaveLength(1);
  expect(compareRejected({ rejected: new Map([[A, 'unknown']]) }, storedSteps(1)).faults).toEqual([
    `${A}: was to be rejected and is there`,
  ]);

  const erased = { erased: new Set([A]), contacts: new Map() };
  expect(compareErased(erased, { contacts: [], erasedIds: [1] }).faults).toEqual([]);
  expect(compareErased(erased, storedSteps(1)).faults).toEqual([`${A}: was erased and is there again`]);
  expect(compareErased({ ...erased, ...sent(1), erased: erased.erased }, storedSteps(1)).faults).toEqual([]);
  expect(compareErased({ ...erased, ...sent(1), erased: erased.erased }, { ...storedSteps(1), erasedIds: [1] }).faults).toHaveLength(1);
});

test('ledger: items that it does not know, knows too often, or that came to no end are found', () => {
  const tally = { ...emptyTally(), acknowledged: 10, atMost: 12 };
  const balance = { accepted: 11, applied: 8, unchanged: 0, duplicate: 1, rejected: 1, parked: 1, erased: 0, cancelled: 0 };
  expect(compareLedger(tally, balance).faults).toEqual([]);
  expect(compareLedger(tally, { ...balance, applied: 7 }).faults).toEqual(['11 items accepted, 10 came to an end']);
  expect(compareLedger(tally, { ...balance, accepted: 9, applied: 6 }).faults[0]).toMatch(/the ledger knows 9/);
  expect(compareLedger(tally, { ...balance, accepted: 13, applied: 10 }).faults[0]).toMatch(/the ledger knows 13/);
});

test('segments: drift, an audit that did not take place, a failed and a missing one are found', () => {
  const right: AuditState = { segmentUid: 1, segmentId: '', status: 'active', buildReason: null, users: 1, error: null, drift: 0 };
  const all = SEGMENT_IDS.map((segmentId): AuditState => ({ ...right, segmentId }));
  expect(compareAudits(all)).toMatchObject({ checked: SEGMENT_IDS.length, faults: [] });
  const [first, ...rest] = all;
  if (!first) throw new Error('no segments');
  const found = (more: Partial<AuditState>): string[] => compareAudits([{ ...first, ...more }, ...rest]).faults;
  expect(found({ drift: 3 })).toEqual([`${first.segmentId}: 3 contacts were on the wrong side`]);
  expect(found({ drift: null, status: 'building' })).toEqual([`${first.segmentId}: was not audited, it is building`]);
  expect(found({ status: 'failed', error: 'it takes too long' })).toEqual([`${first.segmentId}: failed: it takes too long`]);
  expect(compareAudits(rest).faults).toEqual([`${first.segmentId}: is not there`]);
});

test('segments: members that differ from what matches, contacts listed twice, and a wrong count are found', () => {
  const right = { id: 's', listed: 5, distinct: 5, users: 5, evaluated: 5 };
  expect(faultsOfMembers(right)).toEqual([]);
  expect(faultsOfMembers({ ...right, evaluated: 6 })).toEqual(['s: 5 members, 6 contacts match']);
  expect(faultsOfMembers({ ...right, listed: 7 })).toEqual(['s: 2 contacts are listed twice']);
  expect(faultsOfMembers({ ...right, users: 4 })).toEqual(['s: users_count is 4 with 5 members']);
});
