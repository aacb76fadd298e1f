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
  stack = await startImportStack({ env: points.env });
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
  expect(tenant.files(importId), 'files that are left').toEqual([]);
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

  test('twice in the middle of 20,000 rows', async () => {
    const tenant = await stack.open();
    const want = { people: 19_000, repeats: 800, faults: 200 };
    const importId = await tenant.begin(file(want.people, want.repeats, want.faults));
    for (const part of [4_000, 11_000]) {
      await until('a part of it', async () => (await tenant.get(importId)).done >= part, 30_000);
      const before = await tenant.get(importId);
      await deathOf(stack.pipeline, async () => workersOf(stack.pipeline)[0]?.kill('SIGKILL'));
      await takenOver(tenant, importId);
      const after = await tenant.get(importId);
      expect(after.done, 'done never goes down').toBeGreaterThanOrEqual(before.done);
    }
    await expectOnce(tenant, importId, want, 60_000);
  });
});

describe('restarts of the stores', () => {
  test.each(['redis', 'postgres'] as const)('%s dies in the middle: nothing is lost or repeated', async (store) => {
    const tenant = await stack.open();
    const want = { people: 19_000, repeats: 800, faults: 200 };
    const importId = await tenant.begin(file(want.people, want.repeats, want.faults));
    await until('a part of it', async () => (await tenant.get(importId)).done >= 3_000, 30_000);
    expect(stack.pipeline.stack.stores.processes[store].kill('SIGKILL')).toBe(true);
    await expectOnce(tenant, importId, want, 60_000);
  });
});
