import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ActivityEvent, MESSAGE_KINDS, normaliseEvent } from './activity-event.ts';
import { activityEventSchema } from './schema-normalised.ts';

const NOW = Date.parse('2024-06-15T12:00:00.000Z');
const minimal = { email: 'a@b.co', kind: 'open_email' };

function accept(fields: Record<string, unknown>): ActivityEvent {
  const result = normaliseEvent({ ...minimal, ...fields }, NOW);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.issues)}`);
  return result.event;
}
function faults(input: unknown): string[] {
  const result = normaliseEvent(input, NOW);
  return result.ok ? [] : result.issues.map((fault) => `${fault.field}:${fault.code}`);
}
const fault = (field: string, raw: unknown): string[] => faults({ ...minimal, [field]: raw });

describe('normaliseEvent', () => {
  test('activity events carry id, email or external_id, kind, occurred_at, message_id, template_id, campaign_id, list_id, link_url, properties', () => {
    const full = {
      id: 'e1',
      email: 'a@b.co',
      external_id: 'x',
      kind: 'click_email',
      occurred_at: '2024-06-01T00:00:00.000Z',
      message_id: 'm',
      template_id: 't',
      campaign_id: 'c',
      list_id: 'news',
      link_url: 'https://example.com/?a=1',
      properties: { a: [1, null] },
    };
    const result = normaliseEvent(full, NOW);
    expect(result).toEqual({ ok: true, event: full, warnings: [] });
    expect(activityEventSchema.parse(full)).toEqual(full);
  });

  test.each(MESSAGE_KINDS)('kind %s', (kind) => {
    expect(accept({ kind }).kind).toBe(kind);
  });

  test.each(['', 'open', 'OPEN_EMAIL', 'contact.created', 'segment.joined', 'toString', 5, {}])(
    'any other kind is invalid_kind: %j',
    (kind) => {
      expect(fault('kind', kind)).toEqual(['kind:invalid_kind']);
    },
  );

  test('kind is required, and email or external_id', () => {
    expect(faults({})).toEqual(['email:required', 'kind:required']);
    expect(faults({ kind: null, email: null, external_id: null })).toEqual(['email:required', 'kind:required']);
    expect(faults({ kind: 'open_email', external_id: 'x' })).toEqual([]);
    expect(faults({ kind: 'open_email', email: 'nope' })).toEqual(['email:invalid_email']);
  });

  test('email casing and white space never make a second contact; external_id is trimmed', () => {
    expect(accept({ email: '\u00a0A@B.co ', external_id: ' x ' })).toMatchObject({ email: 'a@b.co', external_id: 'x' });
  });

  test('occurred_at: default time of acceptance, historical allowed, > 24 h in the future is an error', () => {
    expect('occurred_at' in accept({})).toBe(false);
    expect('occurred_at' in accept({ occurred_at: null })).toBe(false);
    expect(accept({ occurred_at: '1999-12-31T23:59:59-01:00' }).occurred_at).toBe('2000-01-01T00:59:59.000Z');
    expect(accept({ occurred_at: '2024-06-16T12:00:00.000Z' }).occurred_at).toBe('2024-06-16T12:00:00.000Z');
    expect(fault('occurred_at', '2024-06-16T12:00:00.001Z')).toEqual(['occurred_at:occurred_at_in_future']);
    for (const raw of ['', '2024-06-01', '2024-06-01T00:00:00', 'now'])
      expect(fault('occurred_at', raw)).toEqual(['occurred_at:invalid_datetime']);
    expect(fault('occurred_at', NOW)).toEqual(['occurred_at:invalid_type']);
  });

  test.each(['id', 'external_id', 'list_id'])('empty event ids, list ids and external_id are errors: %s', (field) => {
    for (const raw of ['', ' ', '\u00a0']) expect(fault(field, raw)).toEqual([`${field}:empty_not_allowed`]);
  });

  test.each(['id', 'external_id', 'message_id', 'template_id', 'campaign_id', 'list_id'])('string ≤ 255: %s', (field) => {
    expect(accept({ [field]: '𝒳'.repeat(255) })).toMatchObject({ [field]: '𝒳'.repeat(255) });
    expect(fault(field, 'x'.repeat(256))).toEqual([`${field}:too_long`]);
    for (const raw of [5, true, {}, []]) expect(fault(field, raw)).toEqual([`${field}:invalid_type`]);
    expect(field in accept({ email: 'a@b.co', [field]: null })).toBe(false);
  });

  test('"" is a value for the other strings; ids are kept as given', () => {
    expect(accept({ message_id: '', template_id: '', link_url: '' })).toMatchObject({ message_id: '', template_id: '', link_url: '' });
    expect(accept({ id: ' a ' }).id).toBe(' a ');
  });

  test('link_url ≤ 2048', () => {
    expect(accept({ link_url: 'x'.repeat(2048) }).link_url).toHaveLength(2048);
    expect(fault('link_url', 'x'.repeat(2049))).toEqual(['link_url:too_long']);
  });

  test('properties: an object; the event ≤ 32 KiB', () => {
    for (const raw of [[], 'x', 5, true]) expect(fault('properties', raw)).toEqual(['properties:invalid_type']);
    expect(fault('properties', { a: 'x'.repeat(33_000) })).toEqual([':too_large']);
    expect(faults({ ...minimal, properties: JSON.parse('{"a":{"prototype":1}}') as unknown })).toEqual(['properties:forbidden_key']);
    expect(fault('properties', { a: '\0' })).toEqual(['properties:invalid_characters']);
  });

  test('unknown fields are ignored with a warning ignored_field per field', () => {
    const result = normaliseEvent({ ...minimal, ip: '::1', user_agent: null }, NOW, 4);
    expect(result.warnings.map((w) => [w.index, w.field, w.code])).toEqual([
      [4, 'ip', 'ignored_field'],
      [4, 'user_agent', 'ignored_field'],
    ]);
  });

  test.each([null, [], 'x', 5, undefined])('an item that is no object is invalid_type: %j', (input) => {
    expect(faults(input)).toEqual([':invalid_type']);
  });

  test('errors name index, field, code, message, one entry per faulty field, and never the value', () => {
    const secret = 'S3CRET';
    const result = normaliseEvent(
      { email: secret, kind: secret, occurred_at: secret, properties: secret, id: secret.repeat(99), [secret]: 1 },
      NOW,
      9,
    );
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.issues.map((entry) => entry.field)).toEqual(['email', 'kind', 'occurred_at', 'properties', 'id']);
    for (const entry of [...result.issues, ...result.warnings]) {
      expect(entry.index).toBe(9);
      expect(entry.message).not.toContain(secret);
    }
  });

  test('property: any JSON is answered, and what is accepted normalises to itself', () => {
    const name = fc.constantFrom('id', 'email', 'external_id', 'kind', 'occurred_at', 'message_id', 'list_id', 'properties', 'x');
    const raw = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('A@b.co', 'open_email', '2024-01-01t00:00:00z', { a: 1 }),
    ) as fc.Arbitrary<unknown>;
    fc.assert(
      fc.property(fc.dictionary(name, raw), (fields) => {
        const result = normaliseEvent({ ...minimal, ...fields }, NOW);
        if (result.ok) expect(normaliseEvent(result.event, NOW)).toEqual({ ok: true, event: result.event, warnings: [] });
        else expect(result.issues.length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });
});
