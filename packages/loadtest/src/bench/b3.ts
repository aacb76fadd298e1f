/**
 * B3: new contacts, then updates of all of them, each half from the first byte sent until mirror and timeline hold it.
 *
 * Baseline: the bare upsert of the same rows in Postgres, one table with the indices of `contacts`, a batch of 1,000 a statement, as
 * many connections as producers have; each statement commits, as durably as the system's transactions do.
 */
import { batches, bodies, inBatches, send } from './batches.ts';
import { type Bed, count, ledgerMark, mustBe, untilIdle, untilMerged, untilStored } from './bed.ts';
import { address, contactFields } from './items.ts';
import { measure, together } from './measure.ts';
import { BATCH, scaled } from './options.ts';
import type { Measurement, Round, Row } from './result.ts';
import { rowOf } from './rows.ts';

const CONTACTS = 200_000;
const WARM_UP = 10_000;
const VERSIONS = [1, 2] as const;
type Version = (typeof VERSIONS)[number];
const HALF = { 1: 'new', 2: 'updates' } as const;

const UPSERT = `
  INSERT INTO bench_contacts (workspace_id, contact_id, email, created_at, updated_at, fields)
  SELECT $1, contact_id, email, now(), now(), fields FROM json_to_recordset($2) AS r(contact_id integer, email text, fields jsonb)
  ON CONFLICT (workspace_id, email) DO UPDATE
    SET fields = bench_contacts.fields || excluded.fields, updated_at = excluded.updated_at, version = bench_contacts.version + 1`;

export async function runB3(bed: Bed): Promise<Row> {
  const items = scaled(CONTACTS, bed.options.SCALE);
  await bed.pool.query('CREATE TABLE bench_contacts (LIKE contacts INCLUDING ALL) WITH (fillfactor = 85)');
  const warmUp = scaled(WARM_UP, bed.options.SCALE);
  await systemTurn(bed, 'b3-warm', warmUp, 'B3 warm-up');
  await baselineTurn(bed, 'b3-warm', 1, warmUp, 'B3 warm-up base');
  const rounds: Round[] = [];
  for (let n = 1; n <= bed.options.ROUNDS; n += 1) {
    const population = `b3-${n}`;
    const system = await systemTurn(bed, population, items, `B3 round ${n}`);
    const baseline = await baselineTurn(bed, population, warmUp + (n - 1) * items + 1, items, `B3 round ${n} base`);
    rounds.push({ system: system.both, baseline: baseline.both, others: { 'new alone': system.new, 'updates alone': system.updates } });
  }
  return rowOf({
    id: 'B3',
    work: `${items.toLocaleString('en-US')} new contacts, then ${items.toLocaleString('en-US')} updates, in batches of ${BATCH}, until mirror and timeline hold them`,
    unit: 'contacts/s',
    baselineWork: 'the bare Postgres upsert of the same rows, same batches and connections, same indices',
    goal: { rate: 20_000, ratio: 0.35 },
    rounds,
  });
}

type Halves = { new: Measurement; updates: Measurement; both: Measurement };

function joined(first: Measurement, second: Measurement): Halves {
  const notes = { new_per_second: Math.round(first.rate), updates_per_second: Math.round(second.rate) };
  return { new: first, updates: second, both: together(first, second, notes) };
}

async function systemTurn(bed: Bed, population: string, items: number, label: string): Promise<Halves> {
  const half = async (version: Version): Promise<Measurement> => {
    const all = await bodies(bed, items, 'contacts', (n) => ({
      email: address(population, n),
      ...contactFields(bed.options.SEED, n, version),
    }));
    await untilIdle(bed);
    await untilMerged(bed);
    const mark = await ledgerMark(bed);
    const progress = bed.output.progress(`${label}, ${HALF[version]}`, items);
    const measured = await measure(bed, async () => {
      const stored = untilStored(bed, mark, items, (n) => progress.add(n));
      const [notes] = await Promise.all([send(bed, '/api/contacts.import', all), stored]);
      return { items, notes };
    });
    progress.done();
    return measured;
  };
  const halves = joined(await half(1), await half(2));
  await check(bed, population, items, label);
  return halves;
}

/** Contacts of a population in the mirror; `prefix` is to be bound. */
const MIRRORED = 'FROM contacts FINAL WHERE workspace_id = {ws:UInt32} AND startsWith(email, {prefix:String})';
const prefixOf = (population: string): string => `${population}.`;

/** Every contact of a population is there in this version, in Postgres and the mirror. @throws BenchError */
export async function checkContacts(bed: Bed, population: string, version: number, items: number, label: string): Promise<void> {
  const prefix = prefixOf(population);
  const { rows } = await bed.pool.query<{ n: string }>(
    'SELECT count(*) AS n FROM contacts WHERE workspace_id = $1 AND starts_with(email, $2) AND version = $3',
    [bed.workspaceId, prefix, version],
  );
  mustBe(`${label}: contacts in Postgres`, items, Number(rows[0]?.n));
  const mirrored = await count(bed, `SELECT count() AS n ${MIRRORED} AND version = {version:UInt32}`, { prefix, version });
  mustBe(`${label}: contacts in the mirror`, items, mirrored);
}

/** Every contact is there in its second version, and both orders of the timeline tell both steps. */
async function check(bed: Bed, population: string, items: number, label: string): Promise<void> {
  await checkContacts(bed, population, 2, items, label);
  for (const table of ['timeline_by_contact', 'timeline_by_kind']) {
    for (const kind of ['contact.created', 'contact.updated']) {
      const query = `SELECT uniqExact(contact_id) AS n FROM ${table} WHERE workspace_id = {ws:UInt32} AND kind = {kind:String}
                       AND contact_id IN (SELECT contact_id ${MIRRORED})`;
      mustBe(`${label}: ${kind} in ${table}`, items, await count(bed, query, { prefix: prefixOf(population), kind }));
    }
  }
}

/** @param firstId contact ids are given: finding them is not what an upsert does. */
async function baselineTurn(bed: Bed, population: string, firstId: number, items: number, label: string): Promise<Halves> {
  const half = async (version: Version): Promise<Measurement> => {
    const row = (n: number) => ({
      contact_id: firstId + n,
      email: address(population, n),
      fields: contactFields(bed.options.SEED, n, version),
    });
    const all = (await batches(bed, items, row)).map((rows) => JSON.stringify(rows));
    const progress = bed.output.progress(`${label}, ${HALF[version]}`, items);
    const measured = await measure(bed, async () => {
      await inBatches(bed, all, async (rows) => {
        await bed.pool.query(UPSERT, [bed.workspaceId, rows]);
        progress.add(BATCH);
      });
      return { items };
    });
    progress.done();
    return measured;
  };
  return joined(await half(1), await half(2));
}
