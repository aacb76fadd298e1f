import { revokeKey } from '@muster/postgres';
import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { errorOf, verdictOf, WAIT } from './read.ts';

const body = { contact: { email: 'keys@example.com' } };

export function keySuite(stack: () => HttpStack): void {
  it('needs a key', async () => {
    for (const options of [
      { key: null },
      { key: 'wrong' },
      { key: null, headers: { authorization: 'Bearer ' } },
      { key: null, headers: { authorization: 'Digest x' } },
    ]) {
      const reply = await stack().post('contacts.upsert', body, options);
      expect(verdictOf(reply)).toBe('401 unauthorized');
      expect(reply.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('takes the key as Basic user name', async () => {
    const basic = Buffer.from(`${stack().stack.devKey}:`).toString('base64');
    expect(verdictOf(await stack().post('contacts.upsert', body, { key: null, headers: { authorization: `Basic ${basic}` } }))).toBe('202');
  });

  it('stops taking a revoked key within a second', async () => {
    const key = await stack().key(['ingest']);
    expect(verdictOf(await stack().post('contacts.upsert', body, { key }))).toBe('202');
    const { rows } = await stack().pool.query<{ key_id: number; workspace_id: number }>(
      'SELECT key_id, workspace_id FROM api_keys ORDER BY key_id DESC LIMIT 1',
    );
    await revokeKey(stack().pool, rows[0]?.workspace_id ?? 0, rows[0]?.key_id ?? 0);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(verdictOf(await stack().post('contacts.upsert', body, { key }))).toBe('401 unauthorized');
  });

  it('keeps to scopes', async () => {
    const [ingest, read, write] = [await stack().key(['ingest']), await stack().key(['read']), await stack().key(['write'])];
    const statuses = async (key: string) => [
      (await stack().post('contacts.upsert', body, { key })).status,
      (await stack().post('timeline.ingest', { events: [{ email: 'k@example.com', kind: 'open_email' }] }, { key })).status,
      (await stack().get('contacts.list', {}, { key })).status,
      (await stack().post('lists.update', { id: 'none', name: 'x' }, { key })).status,
      (await stack().post('contacts.delete', { contact_id: 2_000_000_000 }, { key })).status,
    ];
    expect(await statuses(ingest)).toEqual([202, 202, 403, 403, 403]);
    expect(await statuses(read)).toEqual([403, 403, 200, 403, 403]);
    expect(await statuses(write)).toEqual([202, 202, 403, 404, 404]);
    expect(errorOf(await stack().get('contacts.list', {}, { key: ingest })).code).toBe('forbidden_scope');
  });

  it('shows nothing of another workspace', async () => {
    const { post, get } = stack();
    const stranger = { key: await stack().key(['admin'], 'stranger') };
    expect(verdictOf(await post('lists.create', { id: 'ours', name: 'Ours' }))).toBe('201');
    const mine = await post('contacts.upsert', { contact: { email: 'mine@example.com', external_id: 'mine-1' }, list_ids: ['ours'] }, WAIT);
    const job = String(mine.body.job_id);
    const erasure = await post('contacts.delete', { email: 'nobody-here@example.com' });
    const contact_id = Number(mine.body.contact_id);
    expect(verdictOf(await get('jobs.get', { id: job }))).toBe('200');
    for (const reply of [
      await get('contacts.getByEmail', { email: 'mine@example.com' }, stranger),
      await get('contacts.getByExternalID', { external_id: 'mine-1' }, stranger),
      await get('timeline.list', { contact_id }, stranger),
      await get('jobs.get', { id: job }, stranger),
      await get('jobs.get', { id: String(erasure.body.job_id) }, stranger),
      await get('lists.get', { id: 'ours' }, stranger),
      await get('contactLists.getContactsByList', { list_id: 'ours' }, stranger),
      await post('contacts.delete', { contact_id }, stranger),
      await post('contacts.changeEmail', { contact_id, new_email: 'stolen@example.com' }, stranger),
      await post('contacts.upsert', { contact: { email: 'x@example.com' }, list_ids: ['ours'] }, stranger),
    ])
      expect(reply.status).toBe(404);
    expect((await get('contacts.list', {}, stranger)).body).toEqual({ contacts: [] });
    expect((await get('contacts.count', {}, stranger)).body).toEqual({ count: 0 });
    expect((await get('rejections.list', {}, stranger)).body).toEqual({ rejections: [] });
  });

  it('slows a key down to its rate, in items', async () => {
    const key = await stack().key(['ingest'], 'demo', 10);
    const contacts = Array.from({ length: 30 }, (_, i) => ({ email: `rate-${i}@example.com` }));
    expect(verdictOf(await stack().post('contacts.import', { contacts }, { key }))).toBe('202');
    const limited = await stack().post('contacts.upsert', body, { key });
    expect(verdictOf(limited)).toBe('429 rate_limited');
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });
}
