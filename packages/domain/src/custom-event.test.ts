import { describe, expect, test } from 'vitest';
import { type CustomEvent, GOAL_TYPES, normaliseCustomEvent } from './custom-event.ts';
import { customEventSchema } from './schema-normalised.ts';

const NOW = Date.parse('2024-06-15T12:00:00.000Z');
const minimal = { event_name: 'order.paid', external_id: 'o-1', email: 'a@b.co' };

function accept(fields: Record<string, unknown>): CustomEvent {
  const result = normaliseCustomEvent({ ...minimal, ...fields }, NOW);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.issues)}`);
  return result.event;
}
function faults(input: unknown): string[] {
  const result = normaliseCustomEvent(input, NOW);
  return result.ok ? [] : result.issues.map((fault) => `${fault.field}:${fault.code}`);
}
const fault = (field: string, raw: unknown): string[] => faults({ ...minimal, [field]: raw });

describe('normaliseCustomEvent', () => {
  test('required: event_name, external_id, email', () => {
    expect(faults({})).toEqual(['event_name:required', 'external_id:required', 'email:required']);
    expect(faults({ event_name: null, external_id: null, email: null })).toEqual([
      'event_name:required',
      'external_id:required',
      'email:required',
    ]);
    expect(accept({})).toEqual(minimal);
  });

  test('contact of a custom event by id: contact_external_id instead of the email', () => {
    expect(faults({ event_name: 'x', external_id: '1', contact_external_id: ' u1 ' })).toEqual([]);
    expect(accept({ contact_external_id: ' u1 ' })).toMatchObject({ contact_external_id: 'u1', external_id: 'o-1', email: 'a@b.co' });
    expect(fault('contact_external_id', '')).toEqual(['contact_external_id:empty_not_allowed']);
  });

  test.each(['a', 'order/paid', 'a.b-c_d/9', 'x'.repeat(100)])('event_name ^[a-z0-9_./-]{1,100}$: %j', (name) => {
    expect(accept({ event_name: name }).event_name).toBe(name);
  });

  test.each(['', 'A', 'order paid', 'ordér', 'x'.repeat(101), ' a', 'a\n', 'a:b', 5, {}])(
    'other names are invalid_event_name: %j',
    (name) => {
      expect(fault('event_name', name)).toEqual(['event_name:invalid_event_name']);
    },
  );

  test('external_id ≤ 255, part of the key: kept as given, not empty', () => {
    expect(accept({ external_id: ' o ' }).external_id).toBe(' o ');
    expect(fault('external_id', '')).toEqual(['external_id:empty_not_allowed']);
    expect(fault('external_id', 'x'.repeat(256))).toEqual(['external_id:too_long']);
    expect(fault('external_id', 7)).toEqual(['external_id:invalid_type']);
  });

  test.each(GOAL_TYPES)('goal_type %s; goal_value is required for purchase and subscription', (goal_type) => {
    const needed = goal_type === 'purchase' || goal_type === 'subscription';
    for (const goal_value of [undefined, null]) {
      const fields = { ...minimal, goal_type, ...(goal_value === null ? { goal_value } : {}) };
      expect(faults(fields)).toEqual(needed ? ['goal_value:goal_value_required'] : []);
    }
    expect(accept({ goal_type, goal_value: 19.9 })).toMatchObject({ goal_type, goal_value: '19.9' });
  });

  test.each(['', 'Purchase', '*', 'refund', 1])('any other goal_type is invalid_goal_type: %j', (raw) => {
    expect(fault('goal_type', raw)).toEqual(['goal_type:invalid_goal_type']);
  });

  test.each(['x', '', '1,5', 1.23456, 1234567890123456, true, {}, '1e3', 'NaN'])(
    'goal_value: ≤ 15 significant digits, ≤ 4 after the point: refuses %j with one issue',
    (raw) => {
      expect(fault('goal_value', raw)).toEqual(['goal_value:invalid_goal_value']);
      expect(faults({ ...minimal, goal_type: 'purchase', goal_value: raw })).toEqual(['goal_value:invalid_goal_value']);
    },
  );

  test('goal_value may be negative, and may come without a goal_type', () => {
    expect(accept({ goal_value: -12.5 }).goal_value).toBe('-12.5');
    expect(accept({ goal_type: 'purchase', goal_value: 0 }).goal_value).toBe('0');
  });

  test('goal_name ≤ 100', () => {
    expect(accept({ goal_name: '𝒳'.repeat(100) }).goal_name).toBe('𝒳'.repeat(100));
    expect(fault('goal_name', 'x'.repeat(101))).toEqual(['goal_name:too_long']);
  });

  test('occurred_at is absent unless named, so that later updates keep it; > 24 h ahead is an error', () => {
    expect('occurred_at' in accept({})).toBe(false);
    expect(accept({ occurred_at: '2024-06-15T12:00:00+02:00' }).occurred_at).toBe('2024-06-15T10:00:00.000Z');
    expect(fault('occurred_at', '2024-06-17T00:00:00Z')).toEqual(['occurred_at:occurred_at_in_future']);
    expect(fault('occurred_at', '2024-06-14')).toEqual(['occurred_at:invalid_datetime']);
  });

  test('deleted_at: soft delete; null = live', () => {
    expect(accept({ deleted_at: '2024-06-15t12:00:00z' }).deleted_at).toBe('2024-06-15T12:00:00.000Z');
    expect(accept({ deleted_at: null }).deleted_at).toBeNull();
    expect('deleted_at' in accept({})).toBe(false);
    expect(fault('deleted_at', true)).toEqual(['deleted_at:invalid_type']);
  });

  test('properties: an object; the event ≤ 32 KiB', () => {
    expect(accept({ properties: { a: 1 } }).properties).toEqual({ a: 1 });
    expect(fault('properties', [])).toEqual(['properties:invalid_type']);
    expect(fault('properties', { a: 'x'.repeat(33_000) })).toEqual([':too_large']);
  });

  test('null counts as absent; unknown fields are warned about', () => {
    const nulls = { properties: null, goal_name: null, goal_type: null, occurred_at: null, contact_external_id: null };
    expect(accept(nulls)).toEqual(minimal);
    expect(normaliseCustomEvent({ ...minimal, source: 'x' }, NOW, 2).warnings).toMatchObject([
      { index: 2, field: 'source', code: 'ignored_field' },
    ]);
  });

  test('a normalised event normalises to itself and passes the schema of its queue', () => {
    const event = accept({ goal_type: 'purchase', goal_value: '-019.900', properties: { a: 1 }, deleted_at: null, goal_name: 'g' });
    expect(normaliseCustomEvent(event, NOW)).toEqual({ ok: true, event, warnings: [] });
    expect(customEventSchema.parse(event)).toEqual(event);
  });
});
