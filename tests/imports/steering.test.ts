/** "pause, resume, cancel work at any time"; two imports at a time, live upserts beside them, uploads that nobody finishes. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uuidv7 } from '@muster/domain';
import { cancelImport, createImport, type ImportRow, pauseImport, resumeImport } from '@muster/postgres';
import { importFile, profileQueue, QUEUE_PREFIX, scratchFile } from '@muster/queues';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { contactByEmail, LANES, patch, sendProfiles } from '../support/pipeline.ts';
import { expectBalanced, type Importer, type ImportStack, startImportStack, until } from './support.ts';

let stack: ImportStack;
vi.setConfig({ testTimeout: 60_000 });
beforeAll(async () => {
  stack = await startImportStack({ env: { MUSTER_UPLOAD_HOURS: '0.001' } });
});
afterAll(() => stack?.close());

const people = (count: number, name: string): string =>
  `email,first_name\n${Array.from({ length: count }, (_, n) => `${name}-${n}@example.com,Name ${n}\n`).join('')}`;

/** Waits until what was given to lanes is counted and nobody works on it; returns how it stands. */
async function still(tenant: Importer, importId: string): Promise<ImportRow> {
  await until('it stands still', async () => {
    const { rows } = await tenant.pool.query<{ still: boolean }>(
      'SELECT begun = counted AND leased_until < now() AS still FROM imports WHERE import_id = $1',
      [importId],
    );
    return rows[0]?.still;
  });
  return tenant.get(importId);
}

describe('pause, resume, cancel', () => {
  test('a paused import stands still, and goes on where it was', async () => {
    const tenant = await stack.open();
    const importId = await tenant.begin(people(30_000, 'p'));
    await until('a part of it', async () => (await tenant.get(importId)).done > 3_000);
    expect(await pauseImport(tenant.pool, tenant.id, importId)).toMatchObject({ status: 'paused' });
    const row = await still(tenant, importId);
    expect(row.done).toBeLessThan(30_000);
    expectBalanced(row);
    expect(await tenant.ledgerItems(), 'what was given to lanes is counted').toBe(row.done);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await tenant.ledgerItems(), 'the sweep leaves it alone').toBe(row.done);
    expect(await resumeImport(tenant.pool, tenant.id, importId)).toMatchObject({ status: 'running' });
    await tenant.ask(importId);
    const end = await tenant.ended(importId);
    expect(end).toMatchObject({ status: 'completed', counts: { created: 30_000 } });
    expect(await tenant.ledgerItems()).toBe(30_000);
  });

  test('scratch files that are lost while it is paused are made again; what was counted stays so', async () => {
    const tenant = await stack.open();
    const importId = await tenant.begin(people(20_000, 's'));
    await until('a part of it', async () => (await tenant.get(importId)).done > 2_000);
    await pauseImport(tenant.pool, tenant.id, importId);
    const row = await still(tenant, importId);
    expect(row.done).toBeLessThan(20_000);
    for (const name of tenant.files(importId)) if (!name.endsWith('.csv')) rmSync(join(tenant.dir, name));
    await resumeImport(tenant.pool, tenant.id, importId);
    await tenant.ask(importId);
    const end = await tenant.ended(importId);
    expect(end).toMatchObject({ status: 'completed', records: 20_000, counts: { created: 20_000 } });
    expect(await tenant.ledgerItems()).toBe(20_000);
  });

  test('paused before it is read, it is read when it goes on; a lost request is made up for by the sweep', async () => {
    const tenant = await stack.open();
    const importId = await tenant.begin(people(20_000, 'q'));
    await pauseImport(tenant.pool, tenant.id, importId);
    const row = await still(tenant, importId);
    expect(row.status).toBe('paused');
    await resumeImport(tenant.pool, tenant.id, importId);
    expect(await tenant.ended(importId)).toMatchObject({ status: 'completed', counts: { created: 20_000 } });
  });

  test('"cancelled imports: rows done stay; the rest have no outcome (done < records)"', async () => {
    const tenant = await stack.open();
    const importId = await tenant.begin(people(30_000, 'c'));
    await until('a part of it', async () => (await tenant.get(importId)).done > 3_000);
    expect(await cancelImport(tenant.pool, tenant.id, importId)).toMatchObject({ status: 'cancelled' });
    const row = await tenant.ended(importId);
    expect(row).toMatchObject({ status: 'cancelled', records: 30_000 });
    expect(row.done).toBeLessThan(30_000);
    expectBalanced(row);
    expect(await tenant.ledgerItems(), 'rows done').toBe(row.done);
    expect(Object.keys(await tenant.contacts())).toHaveLength(row.done);
    await until('its files are removed', async () => tenant.files(importId).length === 0);
    expect(await resumeImport(tenant.pool, tenant.id, importId), 'a cancelled import stays so').toBeNull();
  });
});

describe('side by side', () => {
  test('an import has one chunk in each lane: two at once end, and a live upsert waits behind two chunks, not behind the files', async () => {
    const [one, two] = [await stack.open(), await stack.open()];
    const [a, b] = [await one.begin(people(30_000, 'a')), await two.begin(people(30_000, 'b'))];
    const ended = async () => (await one.get(a)).ended_at !== null && (await two.get(b)).ended_at !== null;
    const waits: number[] = [];
    let jobs = 0;
    for (let n = 0; !(await ended()); n += 1) {
      for (let lane = 0; lane < LANES; lane += 1) jobs = Math.max(jobs, await waitingIn(lane));
      const sent = Date.now();
      await sendProfiles(stack.pipeline, [{ op: 'upsert', patch: patch(`live-${n}@example.com`) }]);
      await until('the upsert is applied', () => contactByEmail(stack.pipeline, `live-${n}@example.com`));
      waits.push(Date.now() - sent);
    }
    expect(jobs, 'jobs that wait in a lane, no live one among them').toBeLessThanOrEqual(2);
    expect(waits.length).toBeGreaterThan(2);
    expect(waits.sort((x, y) => x - y)[waits.length >> 1], 'wait until it is applied').toBeLessThan(2_000);
    for (const [tenant, id] of [
      [one, a],
      [two, b],
    ] as const)
      expect(await tenant.get(id)).toMatchObject({ status: 'completed', counts: { created: 30_000 } });
  });

  test('a workspace with three imports makes way: another one is done before two of them, and every row of theirs is applied once', async () => {
    const [one, two] = [await stack.open(), await stack.open()];
    const theirs: string[] = [];
    for (const name of ['x', 'y', 'z']) theirs.push(await one.begin(people(20_000, name)));
    const rows = () => Promise.all(theirs.map((id) => one.get(id)));
    await until('two of them are applied', async () => (await rows()).filter(({ done }) => done > 0).length === 2);
    await two.ended(await two.begin(people(200, 'small')));
    expect((await rows()).filter(({ ended_at }) => ended_at === null).length).toBeGreaterThanOrEqual(2);
    for (const id of theirs) expect(await one.ended(id, 60_000)).toMatchObject({ status: 'completed', counts: { created: 20_000 } });
    expect(await one.ledgerItems()).toBe(60_000);
  });

  test('a dry run makes way, too', async () => {
    const [one, two] = [await stack.open(), await stack.open()];
    const theirs = [await one.begin(people(60_000, 'v'), { dryRun: true }), await one.begin(people(60_000, 'w'), { dryRun: true })];
    const rows = () => Promise.all(theirs.map((id) => one.get(id)));
    await until('both are read', async () => (await rows()).every(({ done }) => done > 0));
    await two.ended(await two.begin(people(200, 'little')));
    expect((await rows()).map(({ ended_at }) => ended_at)).toEqual([null, null]);
    for (const id of theirs) expect(await one.ended(id, 60_000)).toMatchObject({ status: 'completed', counts: { created: 60_000 } });
    expect(await one.ledgerItems()).toBe(0);
  });
});

const waitingIn = (lane: number): Promise<number> => stack.pipeline.redis.llen(`${QUEUE_PREFIX}:${profileQueue(lane)}:wait`);

describe('what is left behind', () => {
  test('an upload that nobody finishes fails after its time, and files of nobody go', async () => {
    const tenant = await stack.open();
    const importId = uuidv7();
    await createImport(tenant.pool, { importId, workspaceId: tenant.id, fileName: 'x.csv', size: 10, sha256: null, createdBy: null });
    writeFileSync(importFile(tenant.dir, importId), 'email\n');
    writeFileSync(scratchFile(tenant.dir, importId, uuidv7(), 'rows'), '');
    expect(await tenant.ended(importId, 15_000)).toMatchObject({ status: 'failed', error: { code: 'upload_expired' } });
    await until('its files are removed', async () => tenant.files(importId).length === 0);
  });
});
