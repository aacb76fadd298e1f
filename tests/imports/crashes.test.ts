/** "A killed worker's import continues by itself, repeating and losing no row": SIGKILL of workers and stores at the points of an import. */
import { undelivered } from '@muster/postgres';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { deathOf, FaultPoints, killAt, RECOVERY_MS, workersOf } from '../support/faults.ts';
import { expectBalanced, type Importer, type ImportStack, startImportStack, until } from './support.ts';

const POINTS = ['imports.scanned', 'imports.scan_noted', 'imports.chunk_added', 'imports.chunk_counted'];
const points = new FaultPoints(Object.fromEntries(POINTS.map((name) => [name, 'kill'])));

let stack: ImportStack;
// Each test has a file of its own to apply, on machines that do other things, too.
vi.setConfig({ testTimeout: 90_000 });
beforeAll(async () => {
  stack = await startImportStack({ services: ['api', 'worker'], env: points.env });
});
afterAll(async () => {
  await stack?.close();
  points.remove();
});

/** Rows of `people` addresses, then `repeats` of them again, and `faults` that are none; a fault every now and then. */
function file(people: number, repeats: number, faults: number): string {
  const lines = ['email,first_name,custom_number_1'];
  const total = people + repeats + faults;
  const every = faults === 0 ? total + 1 : Math.floor(total / faults);
  let bad = 0;
  for (let n = 0; n < people + repeats; n += 1) {
    if (bad < faults && lines.length % every === 0) {
      bad += 1;
      lines.push(`nobody ${n},x,1`);
    }
    lines.push(`person-${n % people}@example.com,"Name ${n}",${n}`);
  }
  for (; bad < faults; bad += 1) lines.push(`nobody ${bad},x,1`);
  return `${lines.join('\n')}\n`;
}

async function expectOnce(tenant: Importer, importId: string, want: { people: number; repeats: number; faults: number }, withinMs: number) {
  const row = await tenant.ended(importId, withinMs);
  expect(row).toMatchObject({
    ...{ status: 'completed', error: null, records: want.people + want.repeats + want.faults },
    counts: { created: want.people, updated: 0, unchanged: 0, rejected: want.faults, duplicate: want.repeats },
  });
  expectBalanced(row);
  expect(await tenant.ledgerItems(), 'rows that the ledger accounts for').toBe(want.people);
  const { rows } = await tenant.pool.query<{ n: string; versions: string }>(
    'SELECT count(*) AS n, sum(version) AS versions FROM contacts WHERE workspace_id = $1',
    [tenant.id],
  );
  expect({ n: Number(rows[0]?.n), versions: Number(rows[0]?.versions) }, 'each applied once').toEqual({
    n: want.people,
    versions: want.people,
  });
  const { rows: kept } = await tenant.pool.query<{ n: string }>('SELECT count(*) AS n FROM import_rejects WHERE import_id = $1', [
    importId,
  ]);
  expect(Number(kept[0]?.n), 'rejected rows').toBe(want.faults);
  await until('delivery', async () => (await undelivered(tenant.pool)).rows === 0);
  expect(await tenant.entries()).toEqual({ 'contact.created': want.people });
  await until('no file is left', async () => tenant.files(importId).length === 0);
}

/** Waits until somebody works on it who did not a moment ago, or until it has ended. */
async function takenOver(tenant: Importer, importId: string): Promise<void> {
  const holder = async () => {
    const { rows } = await tenant.pool.query<{ holder: string | null; ended: boolean }>(
      'SELECT holder, ended_at IS NOT NULL AS ended FROM imports WHERE import_id = $1',
      [importId],
    );
    return rows[0];
  };
  const before = await holder();
  await until(
    'somebody else works on it',
    async () => {
      const now = await holder();
      return now?.ended || now?.holder !== before?.holder;
    },
    RECOVERY_MS,
  );
}

describe('kill -9 of the worker', () => {
  test.each(POINTS)('at %s: the import continues by itself within 15 s, and each row is applied once', async (point) => {
    const tenant = await stack.open();
    const want = { people: 9_000, repeats: 500, faults: 300 };
    const bytes = file(want.people, want.repeats, want.faults);
    let importId = '';
    await killAt(stack.pipeline, points, point, async () => {
      importId = await tenant.begin(bytes);
    });
    await takenOver(tenant, importId);
    await expectOnce(tenant, importId, want, 60_000);
  });
});

describe('200,000 rows, sent and watched over HTTP', () => {
  test('the worker, the API, Redis and Postgres die in the middle, one after the other: it completes by itself', {
    timeout: 240_000,
  }, async () => {
    const { pipeline } = stack;
    const tenant = stack.demo();
    const want = { people: 190_000, repeats: 8_000, faults: 2_000 };
    const importId = await tenant.send(file(want.people, want.repeats, want.faults));
    const api = pipeline.stack.service('api');
    const kill = (store: 'redis' | 'postgres') => expect(pipeline.stack.stores.processes[store].kill('SIGKILL')).toBe(true);
    const killWorker = () => deathOf(pipeline, async () => workersOf(pipeline)[0]?.kill('SIGKILL'));
    const deaths: [done: number, death: () => unknown][] = [
      [10_000, killWorker],
      [50_000, () => kill('redis')],
      [90_000, () => kill('postgres')],
      [130_000, () => api.kill('SIGKILL')],
      [160_000, killWorker],
    ];
    let done = 0;
    for (const [at, death] of deaths) {
      await until(
        `${at} rows done`,
        async () => {
          const now = await tenant.progress(importId);
          expect(now, 'done never goes down').toBeGreaterThanOrEqual(done);
          done = now;
          return done >= at;
        },
        60_000,
      );
      expect(done, 'rows are left').toBeLessThan(200_000);
      await death();
    }
    await expectOnce(tenant, importId, want, 90_000);
  });
});
