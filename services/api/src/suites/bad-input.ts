import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { detailsOf, errorOf, rejectedOf, verdictOf, WAIT } from './read.ts';

const deep = (levels: number): unknown => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);

export function badInputSuite(stack: () => HttpStack): void {
  const upsert = (contact: unknown, more: Record<string, unknown> = {}) => stack().post('contacts.upsert', { contact, ...more });

  it.each([
    ['no email', { first_name: 'x' }, 'email', 'required'],
    ['email of the wrong type', { email: 5 }, 'email', 'invalid_type'],
    ['no domain label', { email: 'a@b' }, 'email', 'invalid_email'],
    ['SQL as an email', { email: "a'; DROP TABLE contacts; --" }, 'email', 'invalid_email'],
    ['300 bytes of email', { email: `${'a'.repeat(290)}@example.com` }, 'email', 'too_long'],
    ['number as text', { email: 'a@example.com', custom_number_1: '5' }, 'custom_number_1', 'invalid_type'],
    ['text too long', { email: 'a@example.com', first_name: 'x'.repeat(256) }, 'first_name', 'too_long'],
    ['scalar as JSON', { email: 'a@example.com', custom_json_1: 5 }, 'custom_json_1', 'invalid_json_value'],
    ['date without offset', { email: 'a@example.com', created_at: '2024-01-01T00:00:00' }, 'created_at', 'invalid_datetime'],
    ['200 levels', { email: 'a@example.com', custom_json_1: deep(200) }, 'custom_json_1', 'too_deep'],
    ['NUL', { email: 'a@example.com', first_name: 'a\0b' }, 'first_name', 'invalid_characters'],
    ['lone surrogate', { email: 'a@example.com', custom_json_1: { k: '\ud800' } }, 'custom_json_1', 'invalid_characters'],
    ['empty external_id', { email: 'a@example.com', external_id: ' ' }, 'external_id', 'empty_not_allowed'],
  ])('refuses %s', async (_name, contact, field, code) => {
    const reply = await upsert(contact);
    expect(verdictOf(reply)).toBe('422 validation_failed');
    expect(detailsOf(reply)).toContainEqual(expect.objectContaining({ index: 0, field, code }));
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses %s as a key at any depth', async (key) => {
    for (const contact of [
      `{"email":"a@example.com","${key}":{"x":1}}`,
      `{"email":"a@example.com","custom_json_1":{"a":[{"${key}":1}]}}`,
    ]) {
      const reply = await stack().post('contacts.upsert', `{"contact":${contact}}`);
      expect(detailsOf(reply).map((d) => d.code)).toEqual(['forbidden_key']);
    }
    expect(verdictOf(await stack().post('contacts.upsert', `{"contact":{"email":"a@example.com"},"${key}":1}`))).toBe(
      '422 validation_failed',
    );
    expect(Object.keys({})).toEqual([]);
  });

  it('treats spellings of one address as one', async () => {
    for (const email of ['\u00a0Same@Example.COM\u00a0', 'same@example.com', ' SAME@EXAMPLE.com\t']) {
      const reply = await stack().post('contacts.upsert', { contact: { email } }, WAIT);
      expect([reply.status, reply.body.email]).toEqual([200, 'same@example.com']);
    }
    const idn = await stack().post('contacts.upsert', { contact: { email: 'Jürgen@MÜNCHEN.de' } }, WAIT);
    expect(idn.body.email).toBe('jürgen@münchen.de');
    expect((await stack().get('contacts.getByEmail', { email: '\u00a0SAME@example.com ' })).status).toBe(200);
  });

  it('ignores unknown and read-only fields with a warning each', async () => {
    const reply = await upsert({ email: 'a@example.com', shoe_size: 44, updated_at: 'x', contact_lists: [] }, { extra: 1 });
    expect(verdictOf(reply)).toBe('202');
    const warnings = reply.body.warnings as { field: string; code: string }[];
    expect(warnings.map((w) => `${w.field} ${w.code}`).sort()).toEqual([
      'contact_lists ignored_field',
      'extra ignored_field',
      'shoe_size ignored_field',
      'updated_at ignored_field',
    ]);
  });

  it('never lets one bad item fail the other 4,999', async () => {
    const contacts = Array.from({ length: 5_000 }, (_, i) => ({
      email: `many-${i}@example.com`,
      last_name: i === 2_500 ? 'x'.repeat(300) : 'ok',
    }));
    const reply = await stack().post('contacts.import', { contacts });
    expect(reply.body.accepted).toBe(4_999);
    expect(rejectedOf(reply)).toEqual([expect.objectContaining({ index: 2_500, field: 'last_name', code: 'too_long' })]);
  });

  it('answers 202 when every item is bad, one entry per faulty field, in order', async () => {
    const reply = await stack().post('contacts.import', { contacts: [{ email: 'x', phone: 5 }, 'text', { email: 'y' }] });
    expect([reply.status, reply.body.accepted, reply.body.job_ids]).toEqual([202, 0, []]);
    expect(rejectedOf(reply).map((r) => `${r.index} ${r.field}`)).toEqual(['0 email', '0 phone', '1 ', '2 email']);
    const waited = await stack().post('contacts.import', { contacts: [{}] }, WAIT);
    expect([waited.status, waited.body.operations]).toEqual([200, []]);
  });

  it('checks events', async () => {
    const ok = { email: 'ev@example.com', kind: 'open_email' };
    const events = [
      { ...ok, occurred_at: '2200-01-01T00:00:00Z' },
      { ...ok, properties: [1] },
      { ...ok, properties: 'x' },
      { ...ok, kind: 'nope' },
      { kind: 'open_email' },
      { ...ok, properties: { t: 'x'.repeat(40_000) } },
      { ...ok, id: '' },
      ok,
    ];
    const reply = await stack().post('timeline.ingest', { events });
    expect(reply.body.accepted).toBe(1);
    expect(rejectedOf(reply).map((r) => `${r.index} ${r.code}`)).toEqual([
      '0 occurred_at_in_future',
      '1 invalid_type',
      '2 invalid_type',
      '3 invalid_kind',
      '4 required',
      '5 too_large',
      '6 empty_not_allowed',
    ]);
  });

  it('checks custom events', async () => {
    const ok = { event_name: 'order', external_id: '1', email: 'ev@example.com' };
    for (const [event, code] of [
      [{ ...ok, event_name: 'Bad Name' }, 'invalid_event_name'],
      [{ ...ok, goal_type: 'purchase' }, 'goal_value_required'],
      [{ ...ok, goal_value: 0.00001 }, 'invalid_goal_value'],
      [{ ...ok, properties: 5 }, 'invalid_type'],
      [{ event_name: 'order' }, 'required'],
    ] as const) {
      const reply = await stack().post('customEvents.upsert', event);
      expect(verdictOf(reply)).toBe('422 validation_failed');
      expect(detailsOf(reply).map((d) => d.code)).toContain(code);
    }
  });

  it('refuses an unknown list before anything is queued', async () => {
    const email = 'unlisted@example.com';
    for (const list_ids of [['no-such-list'], ['Not A Slug!']])
      expect(verdictOf(await stack().post('contacts.import', { contacts: [{ email }], list_ids }))).toBe('404 list_not_found');
    expect(verdictOf(await upsert({ email }, { list_ids: ['no-such-list'] }))).toBe('404 list_not_found');
    expect(verdictOf(await upsert({ email }, { list_ids: [''] }))).toBe('422 validation_failed');
    expect(verdictOf(await upsert({ email }, { list_ids: 'news' }))).toBe('422 validation_failed');
    expect(verdictOf(await stack().get('contacts.getByEmail', { email }))).toBe('404 contact_not_found');
  });

  it.each(['wait=abc', 'wait=-1', 'wait=0', 'wait=31', 'wait', 'wait=1.5'])('refuses Prefer: %s', async (prefer) => {
    const reply = await stack().post('contacts.upsert', { contact: { email: 'a@example.com' } }, { headers: { prefer } });
    expect(verdictOf(reply)).toBe('400 invalid_prefer');
  });

  it('refuses bad query parameters', async () => {
    const { get } = stack();
    expect(verdictOf(await get('contacts.list', { limit: 0 }))).toBe('422 validation_failed');
    expect(verdictOf(await get('contacts.list', { limit: 101 }))).toBe('422 validation_failed');
    expect(verdictOf(await get('contacts.list', { cursor: 'nonsense' }))).toBe('400 invalid_cursor');
    expect(verdictOf(await get('contacts.list', { cursor: Buffer.from('["1 OR 1=1"]').toString('base64url') }))).toBe('400 invalid_cursor');
    expect(verdictOf(await get('contacts.list', { first_name: 'a\0' }))).toBe('422 validation_failed');
    expect(verdictOf(await get('contacts.list', { 'segments[]': 'vip' }))).toBe('404 segment_not_found');
    expect(verdictOf(await get('contacts.list', { list_id: 'nope' }))).toBe('404 list_not_found');
    expect(verdictOf(await get('contacts.getByEmail', { email: "x' OR '1'='1" }))).toBe('422 validation_failed');
    expect(verdictOf(await get('contacts.getByEmail'))).toBe('422 validation_failed');
    expect(verdictOf(await get('contacts.getByExternalID', { external_id: 'a\0b' }))).toBe('422 validation_failed');
    expect(verdictOf(await get('timeline.list', { contact_id: '99999999999' }))).toBe('422 validation_failed');
    expect(verdictOf(await get('timeline.list', { email: 'no@example.com' }))).toBe('404 contact_not_found');
    expect(verdictOf(await get('jobs.get', { id: 'p0-x' }))).toBe('404 job_not_found');
    expect(verdictOf(await get('customEvents.get', { event_name: 'x', external_id: 'y' }))).toBe('404 event_not_found');
  });

  it('answers wrong verbs with 405 and unknown calls with 404, as JSON', async () => {
    const wrong = await stack().get('contacts.upsert');
    expect([verdictOf(wrong), wrong.headers.get('allow')]).toEqual(['405 method_not_allowed', 'POST']);
    expect(verdictOf(await stack().post('contacts.list', {}))).toBe('405 method_not_allowed');
    expect(verdictOf(await stack().post('contacts.nope', {}))).toBe('404 not_found');
    expect(verdictOf(await stack().get('/'))).toBe('404 not_found');
  });

  it('never shows a stack, SQL or a value in an error', async () => {
    const reply = await upsert({ email: 'secret-value@@example..com' });
    expect(reply.text).not.toMatch(/secret-value|at \w+ \(|SELECT|node_modules/);
    expect(errorOf(reply).message.length).toBeGreaterThan(10);
  });

  it('gives the request id back when it is safe', async () => {
    const safe = await stack().get('contacts.count', {}, { headers: { 'x-request-id': 'trace-1' } });
    expect(safe.headers.get('x-request-id')).toBe('trace-1');
    const unsafe = await stack().get('contacts.count', {}, { headers: { 'x-request-id': 'a'.repeat(129) } });
    expect(unsafe.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
}
