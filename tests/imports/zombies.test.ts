/** A worker that stops without dying: another one goes on with its import, and the first one changes nothing when it wakes up. */
import { undelivered } from '@muster/postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addWorker, FaultPoints, frozenWorker, RECOVERY_MS, workersOf, working } from '../support/faults.ts';
import { expectBalanced, type ImportStack, startImportStack, until } from './support.ts';

const POINTS = ['imports.scanned', 'imports.chunk_added', 'imports.chunk_counted'];
const points = new FaultPoints(Object.fromEntries(POINTS.map((name) => [name, 'stop'])));

let stack: ImportStack;
vi.setConfig({ testTimeout: 90_000 });
beforeAll(async () => {
  stack = await startImportStack({ env: points.env });
  await addWorker(stack.pipeline, 'worker-2');
});
afterAll(async () => {
  for (const worker of workersOf(stack.pipeline)) worker.kill('SIGCONT');
  await stack?.close();
  points.remove();
});

test.each(POINTS)('frozen at %s: another worker finishes within its time, nothing is applied or counted twice', async (point) => {
  const tenant = await stack.open();
  points.arm(point);
  const rows = Array.from({ length: 12_000 }, (_, n) => (n % 100 === 7 ? `nobody ${n},x\n` : `p-${n % 11_000}@example.com,Name ${n}\n`));
  const importId = await tenant.begin(`email,first_name\n${rows.join('')}`);
  await points.reached(point, 30_000);
  const frozen = await frozenWorker(stack.pipeline, new Set());
  const { pid } = frozen;
  await until('another worker counts', async () => (await tenant.get(importId)).done > 4_500, RECOVERY_MS + 15_000);
  frozen.kill('SIGCONT');
  const row = await tenant.ended(importId, 45_000);
  expect(row).toMatchObject({
    status: 'completed',
    records: 12_000,
    counts: { created: 10_890, updated: 0, rejected: 120, duplicate: 990 },
  });
  expectBalanced(row);
  await working(frozen);
  expect(frozen.pid, 'the frozen worker is still there').toBe(pid);
  await until('delivery', async () => (await undelivered(tenant.pool)).rows === 0);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await tenant.get(importId), 'and what it does then changes nothing').toEqual(row);
  expect(await tenant.ledgerItems()).toBe(10_890);
  expect(await tenant.entries()).toEqual({ 'contact.created': 10_890 });
  await until('no file is left', async () => tenant.files(importId).length === 0);
});
