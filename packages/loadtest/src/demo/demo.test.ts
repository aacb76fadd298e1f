import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Balance } from '../client/answers.ts';
import { Expectation } from '../day/expectation.ts';
import { planDay } from '../day/planning.ts';
import { Checks } from './checks.ts';
import { compareBalance } from './compare.ts';
import { columns } from './output.ts';
import { eachOf } from './pool.ts';
import { untilBuilt } from './segments.ts';
import { Received } from './send.ts';
import { difference } from './settle.ts';
import { cut, profileLines, refusalLines, timelineLines } from './show.ts';

const none: Balance = { accepted: 0, applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0, erased: 0, cancelled: 0, waiting: 0 };

test('names each figure that differs', () => {
  const checks = new Checks();
  checks.compare('contacts', 10, 10);
  checks.compare('money', '0.3', '0.30000000000000004');
  checks.compareCounts('code ', new Map([['too_long', 2]]), new Map([['required', 1]]));
  expect(checks.verdict()).toEqual([
    '3 of 4 figures disagree:',
    '  money: expected 0.3, found 0.30000000000000004',
    '  code required: expected 0, found 1',
    '  code too_long: expected 2, found 0',
  ]);
  expect(checks.table(['', 'sent', 'found'], 'code ').at(-1)).toBe('  too_long     2      0  DIFFERS');
  const fine = new Checks();
  fine.compare('all', 1_234n, 1_234n);
  expect(fine.verdict()).toEqual(['All 1 figures agree.']);
});

test('a lost item and an item twice show in the balance; copies made by the transport do not', () => {
  const plan = planDay({ seed: 1, run: 1, now: 0, scale: 0.01 });
  const expectation = new Expectation(plan);
  const items = [1, 2, 3].map((n) => ({ body: { n }, fate: 'applied' as const, kind: 'open_email' }));
  expectation.note({ route: 'timeline.ingest', items });
  const received = new Received();
  received.note({ route: 'timeline.ingest', items }, { accepted: 3, rejected: [], warnings: [] });
  const wrong = (found: Partial<Balance>, resent: number): string[] => {
    const checks = new Checks();
    compareBalance(checks, expectation, received, { ...none, ...found }, resent);
    return checks.wrong.map((c) => c.name);
  };
  expect(wrong({ accepted: 3, applied: 3 }, 0)).toEqual([]);
  expect(wrong({ accepted: 3, applied: 2 }, 0)).toEqual(['balance: applied', 'balance: sum of the ends']);
  expect(wrong({ accepted: 5, applied: 3, duplicate: 2 }, 0)).toEqual(['balance: accepted', 'balance: duplicate']);
  expect(wrong({ accepted: 5, applied: 3, duplicate: 2 }, 3)).toEqual([]);
  expect(wrong({ accepted: 5, applied: 5 }, 3)).toEqual(['balance: applied', 'balance: duplicate']);
});

test('the balance of a run is the difference of two readings', () => {
  const after = { ...none, accepted: 12, applied: 10, parked: 2, waiting: 4 };
  expect(difference({ ...none, accepted: 5, applied: 4, parked: 1, waiting: 9 }, after)).toMatchObject({
    accepted: 7,
    applied: 6,
    parked: 1,
    waiting: 4,
  });
});

test('works a few at a time, in order of their making, and ends with the first error', async () => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  function* numbers() {
    for (let n = 0; n < 50; n += 1) yield n;
  }
  await eachOf(numbers(), 4, async (n, index) => {
    expect(n).toBe(index);
    running += 1;
    most = Math.max(most, running);
    await sleep(n % 3);
    running -= 1;
    seen.push(n);
  });
  expect(most).toBe(4);
  expect(seen.sort((a, b) => a - b)).toEqual([...numbers()]);
  let made = 0;
  async function* endless() {
    for (;;) {
      made += 1;
      yield made;
    }
  }
  await expect(
    eachOf(endless(), 3, async (n) => {
      if (n === 10) throw new Error('ten');
      await sleep(1);
    }),
  ).rejects.toThrow('ten');
  expect(made).toBeLessThan(20);
});

test('shows contacts, entries and refusals on lines that a terminal can take', () => {
  const contact = {
    contact_id: 7,
    email: 'a@x.org',
    phone: null,
    contact_lists: [{ list_id: 'news', status: 'active' }],
    contact_segments: [],
  };
  expect(profileLines(contact)).toEqual([
    '    contact_id         7',
    '    email              a@x.org',
    '    lists              news (active)',
  ]);
  const entry = { id: 'e', contact_id: 7, occurred_at: '2025-01-02T03:04:05.000Z', recorded_at: '', entity_type: '', entity_id: null };
  const changes = { job_title: { old: null, new: 'CEO' } };
  expect(timelineLines([{ ...entry, kind: 'contact.updated', changes, properties: null }])).toEqual([
    '    2025-01-02 03:04  contact.updated  job_title: – → CEO',
  ]);
  expect(timelineLines([{ ...entry, kind: 'segment.joined', entity_id: 'demo_vip', changes: {}, properties: {} }])).toEqual([
    '    2025-01-02 03:04  segment.joined  demo_vip',
  ]);
  expect(timelineLines([{ ...entry, kind: 'custom_event.purchase', changes: {}, properties: {}, goal_value: 9.5 }])[0]).toContain(
    '9.5 EUR',
  );
  const [line] = refusalLines([{ route: 'contacts.import', body: { email: 'a\u0007\u200b\u202e' }, issues: [] }]);
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(cut('𠮷'.repeat(9), 5)).toBe('𠮷𠮷𠮷𠮷…');
  expect(
    columns([
      ['a', '1'],
      ['bcd', '234'],
    ]),
  ).toEqual(['  a      1', '  bcd  234']);
});

test('segments are waited for as long as one after the other becomes complete, and given up when nobody computes them', async () => {
  const statuses = (...all: string[]) => all.map((status) => ({ status }));
  let looks = 0;
  const slow = async () => {
    looks += 1;
    await sleep(10);
    return statuses(looks > 2 ? 'active' : 'building', looks > 4 ? 'failed' : 'building');
  };
  expect(await untilBuilt(slow, 500)).toEqual(statuses('active', 'failed'));
  expect(await untilBuilt(async () => statuses('active', 'building'), 60)).toBeNull();
});
