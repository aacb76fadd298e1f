import { expect, test } from 'vitest';
import { type Outbox, weightOf } from './outbox.ts';

test('a delivery weighs what it owes, whatever kind that is: otherwise an outage could fill the memory with what is not counted', () => {
  const custom = { e: { event_name: 'buy', external_id: '1' }, c: 1, t: '2026-01-01T00:00:00.000Z', acc: 1, o: 0, v: 1 };
  const outbox: Outbox = {
    entries: [{ c: 1, k: 'contact.created', i: 'r:0/0', o: 0 }],
    contacts: [1],
    lists: [[1, 'news']],
    events: [{ c: 1, i: 'r:1', o: 1, acc: 1, e: { kind: 'open_email' } }],
    custom: [custom, custom],
    followUps: [],
  };
  expect(weightOf({ outbox })).toBe(7);
  expect(weightOf({ outbox: { custom: Array.from({ length: 1_000 }, () => custom) } })).toBe(1_001);
  expect(weightOf({ outbox: {} })).toBe(1);
});
