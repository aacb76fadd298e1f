/**
 * B6: a CSV file of new contacts, as the terminal client imports it: from the first byte sent until the import is completed and both
 * databases have everything. There is no baseline: the goal is a rate, and a bound of the worker's memory that does not grow with the file.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiClient, importAnswer, uploadFile } from '@muster/import-client';
import { number } from '../demo/output.ts';
import { memoryOf } from '../soak/memory.ts';
import { checkContacts } from './b3.ts';
import { type Bed, mustBe, untilIdle, untilMerged } from './bed.ts';
import { BenchError } from './errors.ts';
import { address, contactFields } from './items.ts';
import { measure } from './measure.ts';
import { BATCH, scaled } from './options.ts';
import type { Measurement, Round, Row } from './result.ts';
import { notedRowOf, rowOf } from './rows.ts';

const ROWS = 1_000_000;
const LARGE = 5;
const WARM_UP = 50_000;
const POLL_MS = 100;
const PEAK = 'worker_peak_mb';
const HEADER = [
  ...['Email Address', 'First Name', 'Last Name', 'Country', 'Time Zone', 'Phone', 'Zip', 'Job Title', 'City', 'Company'],
  ...['custom_string_1', 'custom_number_1'],
];

export async function runB6(bed: Bed): Promise<Row[]> {
  const { ROUNDS, SCALE } = bed.options;
  const rows = scaled(ROWS, SCALE);
  await turn(bed, 'b6-warm', scaled(WARM_UP, SCALE), 'B6 warm-up');
  const rounds: Round[] = [];
  for (let n = 1; n <= ROUNDS; n += 1)
    rounds.push({ system: await turn(bed, `b6-${n}`, rows, `B6 round ${n}`), baseline: null, others: {} });
  const large = await turn(bed, 'b6-large', rows * LARGE, 'B6 large');
  const last = rounds.at(-1);
  if (last !== undefined) last.others[`${LARGE}× the rows`] = large;
  return [
    rowOf({
      id: 'B6',
      work: `import of a CSV file of ${number(rows)} rows, ${HEADER.length} columns, first byte sent to completed and stored`,
      unit: 'rows/s',
      baselineWork: null,
      goal: { rate: 30_000, ratio: null },
      rounds,
    }),
    notedRowOf({
      id: 'B6.memory',
      work: `the worker's peak of resident memory while ${number(rows * LARGE)} rows are imported`,
      unit: 'MB',
      baselineWork: `the same while ${number(rows)} rows are imported`,
      goal: { rate: 400, ratio: 1.1 },
      rounds: rounds.map(({ system }) => ({ system: large, baseline: system, others: {} })),
      note: PEAK,
    }),
  ];
}

/** Writes a file of its own contacts, imports it and counts what is there. */
async function turn(bed: Bed, population: string, rows: number, label: string): Promise<Measurement> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-bench-csv-'));
  try {
    const path = join(directory, `${population}.csv`);
    await pipeline(Readable.from(fileOf(bed, population, rows)), createWriteStream(path), { signal: bed.signal });
    await untilIdle(bed);
    await untilMerged(bed);
    const progress = bed.output.progress(label, rows);
    const memory = watchMemory(bed);
    const measured = await measure(bed, async () => {
      const seconds = await importFile(bed, path, rows, (n) => progress.add(n));
      return { items: rows, notes: { ...seconds, [PEAK]: memory.stop() } };
    }).finally(memory.stop);
    progress.done();
    await checkContacts(bed, population, 1, rows, label);
    return measured;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function* fileOf(bed: Bed, population: string, rows: number): Generator<string> {
  yield `${HEADER.join(',')}\n`;
  for (let from = 0; from < rows; from += BATCH) {
    const lines = Array.from({ length: Math.min(BATCH, rows - from) }, (_, i) => {
      const f = contactFields(bed.options.SEED, from + i, 1);
      const own = [address(population, from + i), f.first_name, f.last_name, f.country, f.timezone, f.phone, f.postcode, f.job_title];
      // Of real exports some cells are quoted.
      return [...own, 'Berlin', '"Example, Ltd."', f.custom_string_1, f.custom_number_1].join(',');
    });
    yield `${lines.join('\n')}\n`;
  }
}

/** @returns when what was over, in seconds from the start. */
async function importFile(bed: Bed, path: string, rows: number, onMore: (n: number) => void): Promise<Record<string, number>> {
  const startedAt = performance.now();
  const since = (): number => Math.round(performance.now() - startedAt) / 1_000;
  const api = new ApiClient(bed.stack.apiUrl, bed.stack.devKey, bed.signal);
  const { size } = await stat(path);
  const created = await api.post('imports.create', { file_name: 'bench.csv', size }, importAnswer);
  const {
    import: { id },
    tus_url: url,
  } = created;
  if (url === undefined) throw new BenchError('The API does not say where to send the file.');
  await uploadFile(api, url, path, () => undefined);
  const uploaded = since();
  await api.post('imports.start', { id }, importAnswer);
  let scanned = 0;
  for (let done = 0; ; await bed.pause(POLL_MS)) {
    const { import: now } = await api.get('imports.get', { id }, importAnswer);
    if (now.phase === 'apply' && scanned === 0) scanned = since();
    onMore(now.done - done);
    done = now.done;
    if (now.ended_at === null) continue;
    if (now.status !== 'completed') throw new BenchError(`The import is ${now.status}: ${now.error?.message ?? 'no reason is given'}`);
    mustBe('rows that made a contact', rows, now.counts.created);
    break;
  }
  const completed = since();
  await untilIdle(bed);
  return { uploaded_s: uploaded, scanned_s: scanned, completed_s: completed };
}

/** Largest resident memory of the worker, in MB, from now until `stop`. Only its own file is read: all of /proc ten times a second took half a core. */
function watchMemory(bed: Bed): { stop: () => number } {
  let peak = 0;
  const look = (): void => {
    const { pid } = bed.stack.service('worker');
    peak = Math.max(peak, pid === undefined ? 0 : (memoryOf(pid, 'VmRSS') ?? 0));
  };
  const timer = setInterval(look, POLL_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return Math.round(peak / 1e6);
    },
  };
}
