import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import * as domain from './index.ts';

const fault = (schema: z.ZodType, input: unknown): string[] => {
  const result = schema.safeParse(input);
  return result.success ? [] : domain.issuesOfZodError(result.error).map((entry) => `${entry.field}:${entry.code}`);
};

describe('request schemas', () => {
  test('every schema can be written into an OpenAPI document', () => {
    for (const [name, schema] of Object.entries(domain)) {
      if (!(schema instanceof z.ZodType) || /^(contactPatch|profilePatch|activityEvent|customEvent)Schema$/.test(name)) continue;
      expect(() => z.toJSONSchema(schema, { io: 'input' }), name).not.toThrow();
    }
    const upsert = z.toJSONSchema(domain.upsertRequestSchema, { io: 'input' });
    const text = JSON.stringify(upsert);
    for (const field of [...domain.CONTACT_FIELDS, 'external_id', 'created_at']) expect(text).toContain(`"${field}"`);
  });

  test('lists: id ^[a-z0-9_-]{1,32}$, name ≤ 255', () => {
    const list = { id: 'news-1_a', name: '𝒳'.repeat(255) };
    expect(domain.createListSchema.parse(list)).toEqual({ ...list, is_double_optin: false, is_public: false });
    for (const id of ['', 'A', 'a b', 'x'.repeat(33), 'ä'])
      expect(fault(domain.createListSchema, { ...list, id })).toEqual(['id:invalid_value']);
    expect(fault(domain.createListSchema, { ...list, name: '𝒳'.repeat(256) })).toEqual(['name:too_long']);
    expect(fault(domain.createListSchema, { ...list, name: ' ' })).toEqual(['name:invalid_value']);
    expect(fault(domain.createListSchema, { ...list, name: 'a\0' })).toEqual(['name:invalid_characters']);
    expect(fault(domain.createListSchema, { ...list, name: '\ud800' })).toEqual(['name:invalid_characters']);
    expect(fault(domain.createListSchema, {})).toEqual(['id:required', 'name:required']);
    expect(domain.updateListSchema.parse({ id: 'a', description: null })).toEqual({ id: 'a', description: null });
  });

  test('contactLists.updateStatus may set any status, and no other', () => {
    for (const status of domain.MEMBERSHIP_STATUSES) {
      expect(fault(domain.updateMembershipRequestSchema, { email: 'a@b.co', list_id: 'a', status })).toEqual([]);
    }
    expect(fault(domain.updateMembershipRequestSchema, { email: 'a@b.co', list_id: 'a', status: 'removed' })).toEqual([
      'status:invalid_value',
    ]);
  });

  test('paths name the faulty element; batches hold at most 5,000 items', () => {
    expect(fault(domain.subscribeRequestSchema, { email: 'a@b.co', list_ids: ['a', '!'] })).toEqual(['list_ids[1]:invalid_value']);
    expect(fault(domain.upsertRequestSchema, { contact: {}, list_ids: 'a' })).toEqual(['contact.email:required', 'list_ids:invalid_type']);
    const events = new Array(5_001).fill({ kind: 'open_email', email: 'a@b.co' });
    expect(fault(domain.ingestRequestSchema, { events })).toEqual(['events:too_large']);
    expect(fault(domain.ingestRequestSchema, { events: events.slice(1) })).toEqual([]);
  });

  test('timezone: IANA name', () => {
    expect(fault(domain.timezoneSchema, 'Europe/Berlin')).toEqual([]);
    expect(fault(domain.timezoneSchema, 'Mars/Base')).toEqual([':invalid_value']);
  });

  test('normalised items pass the schemas of their queue; fields of a newer producer survive', () => {
    const patch = {
      email: 'a@b.co',
      external_id: null,
      created_at: '2024-01-01T00:00:00.000Z',
      fields: { first_name: null, custom_json_1: [1] },
      later: 1,
    };
    expect(domain.contactPatchSchema.parse(patch)).toEqual(patch);
    expect(domain.profilePatchSchema.parse({ external_id: 'x', fields: {} })).toEqual({ external_id: 'x', fields: {} });
    expect(fault(domain.contactPatchSchema, { fields: {} })).toEqual(['email:required']);
    expect(fault(domain.contactPatchSchema, { email: 'a@b.co', fields: [] })).toEqual(['fields:invalid_value']);
  });

  test('codes are stable: every code that functions use is listed once', () => {
    expect(new Set(domain.ISSUE_CODES).size).toBe(domain.ISSUE_CODES.length);
  });
});
