import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { detailsOf, operationsOf, verdictOf, WAIT } from './read.ts';

type Json = Record<string, unknown>;

export function callsSuite(stack: () => HttpStack): void {
  const upsert = (contact: Json, more: Json = {}) => stack().post('contacts.upsert', { contact, ...more }, WAIT);

  it('creates, updates and leaves alone', async () => {
    const created = await upsert({ email: 'life@example.com', first_name: 'Ada', custom_number_1: 0.5, custom_json_1: { a: [1] } });
    expect([created.status, created.body.action, created.body.email]).toEqual([200, 'created', 'life@example.com']);
    expect(created.body.contact).toMatchObject({
      first_name: 'Ada',
      last_name: null,
      custom_number_1: 0.5,
      custom_json_1: { a: [1] },
      contact_lists: [],
      contact_segments: [],
    });
    expect((await upsert({ email: 'life@example.com', first_name: 'Ada' })).body.action).toBe('unchanged');
    const updated = await upsert({ email: 'LIFE@example.com', first_name: null });
    expect([updated.body.action, updated.body.contact_id]).toEqual(['updated', created.body.contact_id]);
    const read = await stack().get('contacts.getByEmail', { email: 'life@example.com' });
    expect(read.body.contact).toEqual(updated.body.contact);
  });

  it('reports conflicts as 409 with operations', async () => {
    await upsert({ email: 'owner@example.com', external_id: 'shared-id' });
    const taken = await upsert({ email: 'other@example.com', external_id: 'shared-id' });
    expect(verdictOf(taken)).toBe('409 external_id_taken');
    expect(operationsOf(taken)).toEqual([
      expect.objectContaining({
        index: 0,
        email: 'other@example.com',
        action: 'rejected',
        error: expect.objectContaining({ field: 'external_id', code: 'external_id_taken' }),
      }),
    ]);
    const listed = await stack().get('rejections.list', { code: 'external_id_taken' });
    expect((listed.body.rejections as Json[])[0]).toMatchObject({ code: 'external_id_taken', index: 0 });
    const moved = await upsert({ email: 'moved@example.com', external_id: 'shared-id' }, { identify_by: 'external_id' });
    expect([moved.status, moved.body.email]).toEqual([200, 'moved@example.com']);
    expect(verdictOf(await stack().get('contacts.getByEmail', { email: 'owner@example.com' }))).toBe('404 contact_not_found');
    const missing = await upsert({ email: 'moved@example.com' }, { identify_by: 'external_id' });
    expect(detailsOf(missing)[0]).toMatchObject({ field: 'external_id', code: 'required' });
  });

  it('imports with one operation per item', async () => {
    const reply = await stack().post(
      'contacts.import',
      { contacts: [{ email: 'i1@example.com' }, { email: 'bad' }, { email: 'I1@example.com', state: 'x' }] },
      WAIT,
    );
    expect(reply.status).toBe(200);
    expect(operationsOf(reply).map((o) => [o.index, o.email, o.action])).toEqual([
      [0, 'i1@example.com', 'created'],
      [2, 'i1@example.com', 'updated'],
    ]);
  });

  it('finds jobs by id, shared chunk or not', async () => {
    const single = await upsert({ email: 'job@example.com' });
    const job = (await stack().get('jobs.get', { id: String(single.body.job_id) })).body.job as Json;
    expect(job).toMatchObject({
      status: 'completed',
      counts: { items: 1, applied: 1, rejected: 0 },
      operations: [{ index: 0, action: 'created' }],
    });
    const batch = await stack().post(
      'contacts.import',
      { contacts: [{ email: 'job@example.com' }, { email: 'job@example.com', city: 1 }] },
      WAIT,
    );
    const [id] = batch.body.job_ids as string[];
    const chunk = (await stack().get('jobs.get', { id: String(id) })).body.job as Json;
    expect(chunk).toMatchObject({ status: 'completed', counts: { items: 2, unchanged: 2 } });
  });

  it('counts a repeated Idempotency-Key once', async () => {
    const options = { headers: { ...WAIT.headers, 'idempotency-key': 'order-77' } };
    const body = { events: [{ email: 'idem@example.com', kind: 'click_email' }] };
    const first = await stack().post('timeline.ingest', body, options);
    const second = await stack().post('timeline.ingest', body, options);
    expect([operationsOf(first)[0]?.action, operationsOf(second)[0]?.action]).toEqual(['stored', 'duplicate']);
    const timeline = await stack().get('timeline.list', { email: 'idem@example.com', 'kinds[]': 'click_email' });
    expect((timeline.body.timeline as Json[]).length).toBe(1);
    expect(verdictOf(await stack().post('timeline.ingest', body, { headers: { 'idempotency-key': 'x'.repeat(256) } }))).toBe(
      '400 invalid_idempotency_key',
    );
  });

  it('keeps lists and memberships', async () => {
    const { post, get } = stack();
    expect(verdictOf(await post('lists.create', { id: 'weekly', name: ' ' }))).toBe('422 validation_failed');
    expect(verdictOf(await post('lists.create', { id: 'weekly', name: 'Weekly' }))).toBe('201');
    expect(verdictOf(await post('lists.create', { id: 'weekly', name: 'Again' }))).toBe('409 list_exists');
    expect((await post('lists.update', { id: 'weekly', name: 'Weekly news' })).body.list).toMatchObject({ name: 'Weekly news' });
    const joined = await upsert({ email: 'member@example.com' }, { list_ids: ['weekly', 'weekly'] });
    expect(joined.body.memberships).toEqual([{ list_id: 'weekly', outcome: 'subscribed' }]);
    const left = await post('contactLists.updateStatus', { email: 'member@example.com', list_id: 'weekly', status: 'unsubscribed' }, WAIT);
    expect(left.status).toBe(200);
    const again = await post('contactLists.subscribe', { email: 'member@example.com', list_ids: ['weekly'] }, WAIT);
    expect(again.body.memberships).toEqual([{ list_id: 'weekly', outcome: 'skipped_status' }]);
    expect((await get('contactLists.getListsByContact', { email: 'member@example.com' })).body.contact_lists).toEqual([
      expect.objectContaining({ list_id: 'weekly', status: 'unsubscribed' }),
    ]);
    expect((await get('lists.stats', { id: 'weekly' })).body.stats).toMatchObject({ total: 1, unsubscribed: 1, active: 0 });
    expect(
      ((await get('contactLists.getContactsByList', { list_id: 'weekly', status: 'unsubscribed' })).body.contacts as Json[]).length,
    ).toBe(1);
    const removed = await post('contactLists.removeContact', { email: 'member@example.com', list_id: 'weekly' }, WAIT);
    expect(removed.body.memberships).toEqual([{ list_id: 'weekly', outcome: 'removed' }]);
    expect(
      verdictOf(await post('contactLists.updateStatus', { email: 'nobody@example.com', list_id: 'weekly', status: 'active' }, WAIT)),
    ).toBe('404 contact_not_found');
    expect(verdictOf(await post('lists.delete', { id: 'weekly' }))).toBe('200');
    expect(verdictOf(await get('lists.get', { id: 'weekly' }))).toBe('404 list_not_found');
    expect(verdictOf(await post('contacts.upsert', { contact: { email: 'm@example.com' }, list_ids: ['weekly'] }))).toBe(
      '404 list_not_found',
    );
  });

  it('waits for what an event does to lists', async () => {
    await stack().post('lists.create', { id: 'effects', name: 'Effects' });
    await upsert({ email: 'leaver@example.com' }, { list_ids: ['effects'] });
    await stack().post('timeline.ingest', { events: [{ email: 'leaver@example.com', kind: 'unsubscribe_email' }] }, WAIT);
    const read = await stack().get('contacts.getByEmail', { email: 'leaver@example.com' });
    expect(read.body.contact).toMatchObject({ contact_lists: [{ list_id: 'effects', status: 'unsubscribed' }] });
  });

  it('keeps one state per custom event', async () => {
    const event = {
      event_name: 'orders/paid',
      external_id: 'o-1',
      email: 'buyer@example.com',
      goal_type: 'purchase',
      goal_value: 0.3,
      properties: { sku: 'a' },
    };
    const created = await stack().post('customEvents.upsert', event, WAIT);
    expect([created.status, created.body.accepted]).toEqual([200, 1]);
    await stack().post('customEvents.import', { events: [{ ...event, goal_value: '19.90' }] }, WAIT);
    const read = await stack().get('customEvents.get', { event_name: 'orders/paid', external_id: 'o-1' });
    expect(read.body.event).toMatchObject({ goal_value: 19.9, email: 'buyer@example.com', deleted_at: null, properties: { sku: 'a' } });
    const entries = await stack().get('timeline.list', { email: 'buyer@example.com', kinds: 'custom_event.orders/paid' });
    expect(entries.body.timeline).toEqual([expect.objectContaining({ entity_type: 'custom_event', entity_id: 'o-1', goal_value: 19.9 })]);
    await stack().post('customEvents.upsert', { ...event, deleted_at: '2026-01-01T00:00:00Z' }, WAIT);
    expect((await stack().get('customEvents.list', { email: 'buyer@example.com' })).body).toEqual({ events: [] });
    const deleted = await stack().get('customEvents.get', { event_name: 'orders/paid', external_id: 'o-1' });
    expect(deleted.body.event).toMatchObject({ deleted_at: '2026-01-01T00:00:00.000Z' });
  });

  it('changes an email by contact id', async () => {
    const before = await upsert({ email: 'old-name@example.com' });
    const reply = await stack().post(
      'contacts.changeEmail',
      { contact_id: before.body.contact_id, new_email: 'New-Name@example.com' },
      WAIT,
    );
    expect([reply.status, reply.body.email, reply.body.contact_id]).toEqual([200, 'new-name@example.com', before.body.contact_id]);
    await upsert({ email: 'occupied@example.com' });
    const taken = await stack().post('contacts.changeEmail', { email: 'new-name@example.com', new_email: 'occupied@example.com' }, WAIT);
    expect(verdictOf(taken)).toBe('409 email_taken');
  });

  it('erases: unreadable at once, and a new contact afterwards', async () => {
    const before = await upsert({ email: 'gone@example.com' });
    await stack().post('customEvents.upsert', { event_name: 'x', external_id: 'gone-1', email: 'gone@example.com' }, WAIT);
    const erased = await stack().post('contacts.delete', { email: 'gone@example.com' });
    expect([erased.status, erased.body.status]).toEqual([202, 'erasing']);
    expect(verdictOf(await stack().get('contacts.getByEmail', { email: 'gone@example.com' }))).toBe('404 contact_not_found');
    expect(verdictOf(await stack().get('timeline.list', { contact_id: Number(before.body.contact_id) }))).toBe('404 contact_not_found');
    expect(verdictOf(await stack().get('customEvents.get', { event_name: 'x', external_id: 'gone-1' }))).toBe('404 event_not_found');
    expect((await stack().get('contacts.list', { email: 'gone@' })).body).toEqual({ contacts: [] });
    expect(((await stack().get('jobs.get', { id: String(erased.body.job_id) })).body.job as Json).status).toBe('erasing');
    const reborn = await upsert({ email: 'gone@example.com' });
    expect(reborn.body.contact_id).not.toBe(before.body.contact_id);
    const waited = await stack().post('contacts.delete', { contact_id: reborn.body.contact_id }, WAIT);
    expect(waited.status).toBe(200);
    expect(verdictOf(await stack().post('contacts.delete', { contact_id: 2_000_000_000 }))).toBe('404 contact_not_found');
  });

  it('describes itself', async () => {
    const { stack: running } = stack();
    const document = (await (await fetch(`${running.apiUrl}/openapi.json`)).json()) as { openapi: string; paths: Json };
    expect(document.openapi).toBe('3.1.0');
    const page = await (await fetch(`${running.apiUrl}/docs`)).text();
    for (const path of Object.keys(document.paths)) expect(page).toContain(path);
    const metrics = await (await fetch(`${running.apiUrl}/metrics`)).text();
    for (const name of [
      'muster_http_requests_total',
      'muster_accepted_items_total',
      'muster_queue_waiting_jobs',
      'muster_undelivered_rows',
    ])
      expect(metrics).toContain(name);
  });
}
