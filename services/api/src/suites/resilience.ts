import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { verdictOf, WAIT } from './read.ts';
import { everybody } from './trees.ts';

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

export function resilienceSuite(stack: () => HttpStack): void {
  const upsert = (email: string, options = {}) => stack().post('contacts.upsert', { contact: { email } }, options);
  const ready = async () => (await fetch(`${stack().stack.apiUrl}/health/ready`)).status === 200;

  it('answers 503 while Redis is away and recovers by itself', async () => {
    const { redis } = stack().stack.stores.processes;
    await redis.stop();
    const refused = await upsert('redis-away@example.com');
    expect(verdictOf(refused)).toBe('503 queue_unavailable');
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await ready()).toBe(false);
    expect(verdictOf(await stack().get('contacts.getByEmail', { email: 'redis-away@example.com' }))).toBe('404 contact_not_found');
    // The segmenter finds new segments by itself.
    expect(verdictOf(await stack().post('segments.create', { id: 'redis_away', name: 'Redis away', tree: everybody }))).toBe('201');
    await redis.start();
    await until('ready again', ready);
    await until('items are taken again', async () => (await upsert('redis-back@example.com')).status === 202);
    await until('waiting works again', async () => (await upsert('redis-back@example.com', WAIT)).status === 200);
  }, 60_000);

  it('takes items while Postgres is away; reads answer 503', async () => {
    const { postgres } = stack().stack.stores.processes;
    expect((await upsert('warm@example.com')).status).toBe(202);
    await postgres.stop();
    const taken = await upsert('postgres-away@example.com');
    expect(verdictOf(taken)).toBe('202');
    expect(verdictOf(await stack().get('contacts.getByEmail', { email: 'warm@example.com' }))).toBe('503 store_unavailable');
    expect(verdictOf(await stack().post('contacts.delete', { email: 'warm@example.com' }))).toBe('503 store_unavailable');
    expect(verdictOf(await stack().post('segments.delete', { id: 'redis_away' }))).toBe('503 store_unavailable');
    expect(await ready()).toBe(false);
    await postgres.start();
    await until('ready again', ready);
    await until(
      'what was taken arrives',
      async () => (await stack().get('contacts.getByEmail', { email: 'postgres-away@example.com' })).status === 200,
    );
  }, 60_000);

  it('answers what needs ClickHouse with 503 while it is away', async () => {
    const { clickhouse } = stack().stack.stores.processes;
    await clickhouse.stop();
    expect(verdictOf(await stack().get('contacts.count'))).toBe('503 store_unavailable');
    expect(verdictOf(await stack().post('segments.preview', { tree: everybody }))).toBe('503 store_unavailable');
    expect(verdictOf(await upsert('clickhouse-away@example.com'))).toBe('202');
    expect(verdictOf(await upsert('also-away@example.com', { headers: { prefer: 'wait=1' } }))).toBe('202');
    await clickhouse.start();
    await until('ready again', ready);
    await until('waiting works again', async () => (await upsert('clickhouse-away@example.com', WAIT)).status === 200);
  }, 60_000);
}
