import { expect, test } from 'vitest';
import { random } from '../random.ts';
import { contactPicker } from './contacts.ts';
import { CALLS, type CallName } from './mix.ts';
import { type LoadRequest, RequestSource } from './requests.ts';

const MIX = { single_upsert: 5, upsert_batch: 25, single_event: 10, event_batch: 60 };
const choices = { MIX, BATCH: 20, CONTACTS: 50, SKEW: 0, IDS: true, DUPLICATES: 0, SEED: 3 };
const take = (source: RequestSource, n: number): LoadRequest[] => Array.from({ length: n }, () => source.next());
const events = ({ body }: LoadRequest): { id?: string; email: string }[] => JSON.parse(body).events;

function frequencies(count: number, skew: number, draws: number): number[] {
  const pick = contactPicker(count, skew);
  const r = random(1, 'draws', 0);
  const seen = new Array<number>(count).fill(0);
  for (let i = 0; i < draws; i += 1) {
    const contact = pick(r);
    seen[contact] = (seen[contact] ?? 0) + 1;
  }
  return seen.map((n) => n / draws);
}

test.each([0.5, 1, 1.4])('Zipf with exponent %f: contact k has its share', (skew) => {
  const found = frequencies(200, skew, 400_000);
  const shares = found.map((_, k) => (k + 1) ** -skew);
  const total = shares.reduce((sum, share) => sum + share, 0);
  for (const [k, share] of shares.entries()) {
    const wanted = share / total;
    // Five standard deviations of a binomial count.
    expect(Math.abs((found[k] ?? 0) - wanted), `contact ${k}`).toBeLessThan(5 * Math.sqrt(wanted / 400_000));
  }
});

test('without skew every contact is as likely', () => {
  for (const share of frequencies(50, 0, 200_000)) expect(Math.abs(share - 0.02)).toBeLessThan(5 * Math.sqrt(0.02 / 200_000));
});

test('a skewed choice reaches the first and the last contact, and no other', () => {
  const found = frequencies(3, 2, 100_000);
  expect(found).toHaveLength(3);
  expect(Math.min(...found)).toBeGreaterThan(0);
});

test('the items of each call have its share', () => {
  const items: Record<CallName, number> = { single_upsert: 0, upsert_batch: 0, single_event: 0, event_batch: 0 };
  let total = 0;
  for (const request of take(new RequestSource(choices, 'r1'), 40_000)) {
    items[request.call] += request.items;
    total += request.items;
  }
  for (const call of CALLS) expect(Math.abs((100 * items[call]) / total - MIX[call]), call).toBeLessThan(1.5);
});

test('bodies are what the calls take', () => {
  const seen = new Set<CallName>();
  for (const request of take(new RequestSource(choices, 'r1'), 200)) {
    const body: Record<string, unknown> = JSON.parse(request.body);
    seen.add(request.call);
    if (request.call === 'single_upsert') expect(body).toMatchObject({ contact: { email: expect.stringMatching(/^contact-\d+@/) } });
    else expect(body[request.call === 'upsert_batch' ? 'contacts' : 'events']).toHaveLength(request.items);
  }
  expect(seen).toEqual(new Set(CALLS));
});

test('the same seed says the same, but for the ids; another seed something else', () => {
  const texts = (seed: number, run: string) =>
    take(new RequestSource({ ...choices, SEED: seed }, run), 100).map((r) => r.body.replaceAll(`"id":"${run}-`, '"id":"'));
  expect(texts(3, 'r1')).toEqual(texts(3, 'r2'));
  expect(texts(3, 'r1')).not.toEqual(texts(4, 'r1'));
});

test('ids are unique in a run, and absent when not wanted', () => {
  const only = { ...choices, MIX: { single_upsert: 0, upsert_batch: 0, single_event: 1, event_batch: 1 } };
  const ids = take(new RequestSource(only, 'r1'), 200).flatMap((r) => events(r).map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  for (const request of take(new RequestSource({ ...only, IDS: false }, 'r1'), 20)) expect(request.body).not.toContain('"id"');
});

test('sends again only events that were acknowledged, as they were, once', () => {
  const source = new RequestSource({ ...choices, DUPLICATES: 1 }, 'r1');
  const first = take(source, 100);
  expect(first.every((r) => !r.again)).toBe(true);
  for (const request of first) source.acknowledged(request);
  const wanted = first.filter((r) => r.body.startsWith('{"events"'));
  const again = take(source, wanted.length);
  expect(again).toEqual(wanted.map((r) => ({ ...r, again: true })));
  for (const request of again) source.acknowledged(request);
  expect(source.next().again).toBe(false);
});

test('the share of requests that are sent again is the one asked for, however many were made before', () => {
  const source = new RequestSource({ ...choices, BATCH: 1, DUPLICATES: 0.2 }, 'r1');
  const first = take(source, 5_000).filter((r) => r.body.startsWith('{"events"'));
  for (const request of first) source.acknowledged(request);
  const again = take(source, first.length).filter((r) => r.again).length;
  expect(Math.abs(again / first.length - 0.2)).toBeLessThan(0.03);
});
