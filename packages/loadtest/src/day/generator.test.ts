import { normaliseContact, normaliseCustomEvent, normaliseEmail, normaliseEvent } from '@muster/domain';
import { describe, expect, test } from 'vitest';
import { dayWaves } from './day.ts';
import { Expectation, expectedMembers, sampledEntries } from './expectation.ts';
import type { Call, Outgoing } from './outgoing.ts';
import { emailOf } from './person.ts';
import { isSampled } from './plan.ts';
import { planDay } from './planning.ts';

const NOW = Date.parse('2025-06-15T12:00:00Z');
const plan = planDay({ seed: 7, run: 3, now: NOW, scale: 0.05 });
const calls = (p = plan): Call[] => dayWaves(p).flatMap((wave) => [...wave.calls()]);
const text = (p = plan): string => JSON.stringify(calls(p).map((c) => [c.route, c.items.map((i) => [i.body, i.fate])]));

/** What the rules themselves say about an item. */
function judge(call: Call, item: Outgoing): { codes: string[]; warnings: string[] } {
  if (item.body === undefined) return { codes: ['malformed_json'], warnings: [] };
  // Through JSON, as the API reads it.
  const body: unknown = JSON.parse(JSON.stringify(item.body));
  const result = call.route.startsWith('contacts')
    ? normaliseContact(body, { timezone: 'UTC', country: null }, 0)
    : call.route.startsWith('timeline')
      ? normaliseEvent(body, NOW, 0)
      : normaliseCustomEvent(body, NOW, 0);
  return { codes: result.ok ? [] : result.issues.map((i) => i.code), warnings: result.warnings.map((w) => w.code) };
}

describe('the generator', () => {
  test('makes the same day for the same seed and run, and another one for any other', () => {
    expect(text()).toBe(text());
    expect(text(planDay({ seed: 8, run: 3, now: NOW, scale: 0.05 }))).not.toBe(text());
    const other = planDay({ seed: 7, run: 4, now: NOW, scale: 0.05 });
    const addresses = new Set(Array.from({ length: plan.persons }, (_, p) => emailOf(plan, p)));
    expect(addresses.size).toBe(plan.persons);
    for (let p = 0; p < other.persons; p += 1) expect(addresses.has(emailOf(other, p))).toBe(false);
  });

  test('foretells every refusal and warning as the rules decide them', () => {
    const codes = new Set<string>();
    for (const call of calls()) {
      for (const item of call.items) {
        const { codes: found, warnings } = judge(call, item);
        expect({ body: item.body, codes: found }).toEqual({ body: item.body, codes: item.fate === 'refused' ? item.codes : [] });
        if (item.fate !== 'refused') expect(warnings.toSorted()).toEqual((item.warnings ?? []).toSorted());
        for (const code of found) codes.add(code);
      }
    }
    expect(codes.size).toBeGreaterThan(12);
  });

  test('spells every address so that it means the person it was made for', () => {
    const known = new Set<string>();
    for (let p = 0; p < plan.persons; p += 1) {
      const result = normaliseEmail(emailOf(plan, p));
      expect(result).toEqual({ ok: true, email: emailOf(plan, p) });
      known.add(emailOf(plan, p));
    }
    let spelt = 0;
    for (const call of calls()) {
      if (call.route !== 'customEvents.import' && call.route !== 'contacts.upsert') continue;
      for (const item of call.items) {
        if (item.fate === 'refused' || typeof item.body !== 'object' || item.body === null || !('email' in item.body)) continue;
        const result = normaliseEmail(item.body.email);
        expect(result.ok && known.has(result.email)).toBe(true);
        if (!known.has(String(item.body.email))) spelt += 1;
      }
    }
    expect(spelt).toBeGreaterThan(20);
  });

  test('has the proportions of a day', () => {
    const full = planDay({ seed: 1, run: 1, now: NOW, scale: 1 });
    expect(full.records).toBe(20_000);
    expect(full.activity + full.customItems + full.statusEvents).toBe(200_000);
    expect(full.persons / full.records).toBeGreaterThan(0.93);
    expect(full.persons / full.records).toBeLessThan(0.96);
    const seen = new Expectation(plan);
    for (const call of calls()) seen.note(call);
    const share = (n: number) => n / seen.items;
    expect(share(seen.refused)).toBeGreaterThan(0.008);
    expect(share(seen.refused)).toBeLessThan(0.02);
    expect(share(seen.ends.duplicate)).toBeGreaterThan(0.01);
    expect(seen.ends.parked).toBeGreaterThan(0);
    expect(seen.ends.rejected).toBeGreaterThan(0);
    expect(Object.values(seen.ends).reduce((a, b) => a + b, 0)).toBe(seen.accepted);
  });

  test('counts each wave and repeats it', () => {
    for (const wave of dayWaves(plan)) {
      const items = () => [...wave.calls()].reduce((sum, call) => sum + call.items.length, 0);
      expect([wave.name, items()]).toEqual([wave.name, wave.items]);
      expect(items()).toBe(wave.items);
    }
    expect(calls().every((call) => call.items.length <= 1_001)).toBe(true);
  });

  test('keeps an event id for one event, and sends duplicates of usual ones only', () => {
    const bodies = new Map<string, string>();
    let duplicates = 0;
    for (const call of calls()) {
      if (!call.route.startsWith('timeline')) continue;
      for (const item of call.items) {
        if (item.fate === 'refused' || typeof item.body !== 'object' || item.body === null || !('id' in item.body)) continue;
        const id = String(item.body.id);
        if (item.fate === 'duplicate') {
          duplicates += 1;
          expect(bodies.get(id)).toBe(JSON.stringify(item.body));
        } else {
          expect(bodies.has(id)).toBe(false);
          bodies.set(id, JSON.stringify(item.body));
        }
      }
    }
    expect(duplicates).toBeGreaterThan(50);
  });

  test('keeps the changes of one custom event in one request, in order', () => {
    const requestOf = new Map<string, Call>();
    const wave = dayWaves(plan).find((w) => w.name === 'corrections');
    for (const call of wave?.calls() ?? []) {
      for (const { custom } of call.items) {
        if (!custom) continue;
        expect(requestOf.get(custom.key) ?? call).toBe(call);
        requestOf.set(custom.key, call);
      }
    }
    expect(requestOf.size).toBeGreaterThan(100);
  });
});

describe('the expectation', () => {
  const seen = new Expectation(plan);
  for (const call of calls()) seen.note(call);

  test('counts contacts and members', () => {
    const members = expectedMembers(plan);
    expect(seen.contacts()).toBeGreaterThan(plan.persons);
    expect(members.newsletter.get('pending')).toBeGreaterThan(0);
    expect(members.customers.get('pending')).toBeUndefined();
    expect(members.newsletter.get('unsubscribed')).toBeGreaterThan(0);
    expect(members.customers.get('bounced')).toBeGreaterThan(0);
  });

  test('knows what a sampled person must show', () => {
    expect(seen.sample.size).toBeGreaterThan(50);
    let money = 0n;
    let custom = 0;
    for (const [person, what] of seen.sample) {
      expect(isSampled(plan, person)).toBe(true);
      const entries = sampledEntries(plan, person, what);
      expect(entries.kinds.get('contact.created')).toBe(1);
      money += entries.money;
      custom += [...entries.kinds].filter(([kind]) => kind.startsWith('custom_event.')).reduce((sum, [, n]) => sum + n, 0);
    }
    expect(money).not.toBe(0n);
    expect(custom).toBeGreaterThan(50);
  });
});
