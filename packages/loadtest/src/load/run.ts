/** One load from the first reading of the balance to the report. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Balance } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { number, type Output } from '../demo/output.ts';
import { difference, endedOf, settle } from '../demo/settle.ts';
import { LoadEngine } from './engine.ts';
import { LoadError } from './errors.ts';
import type { LoadOptions } from './options.ts';
import { type LoadReport, makeReport, reportLines } from './report.ts';
import { loadLine, type Screen, soon, watch } from './watch.ts';

export type LoadTarget = {
  readonly url: string;
  readonly key: string;
  /** For reading the balance: never the connections of the load. */
  readonly client: MusterClient;
  readonly signal?: AbortSignal;
};

/** Sends, waits until every accepted item has its verdict, prints and writes the report. */
export async function runLoad(target: LoadTarget, options: LoadOptions, output: Output, screen: Screen): Promise<LoadReport> {
  const { client } = target;
  const { REPORT, ...asked } = options;
  const file = REPORT === '' ? null : await reportFile(REPORT);
  // What others left waiting would be counted into our difference.
  const left = await settle(client, await client.balance(), 0);
  if (left.waiting > 0) output.line('Other work is waiting: if it belongs to this workspace, the figures will include it.');
  const before = await client.balance();
  const engine = new LoadEngine(target, asked);
  output.line(intention(options));
  const stopWatching = watch(screen, async () => {
    const now = await soon(client.balance());
    const balance = now === null ? null : difference(before, now);
    return loadLine({ total: engine.tally.total, stats: engine.stats, window: engine.tally.takeWindow(), balance });
  });
  const result = await engine.run().finally(stopWatching);

  const drainSeconds = await drain(client, before, engine.tally.total.accepted, output);
  const after = await client.balance();
  const { report, checks } = makeReport({
    url: target.url,
    options: asked,
    tally: engine.tally,
    result,
    stats: engine.stats,
    drainSeconds,
    before,
    difference: difference(before, after),
    after,
  });
  output.line();
  for (const line of reportLines(report, checks)) output.line(line);
  if (file !== null) {
    await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
    output.line(`Report: ${file}`);
  }
  return report;
}

/** Waits, and shows it, until `accepted` items more than before have their verdict, or nothing moves any more. @returns seconds. */
export async function drain(client: MusterClient, before: Balance, accepted: number, output: Output): Promise<number> {
  const from = performance.now();
  let shown = endedOf(difference(before, await client.balance()));
  const progress = output.progress('waiting for the verdicts', Math.max(0, accepted - shown));
  await settle(client, before, accepted, (ended) => {
    progress.add(Math.max(0, ended - shown));
    shown = Math.max(shown, ended);
  });
  progress.done();
  return (performance.now() - from) / 1_000;
}

/** Made before the load: a path that cannot be written must not cost the run. A relative one means where the command was given. */
export async function reportFile(path: string): Promise<string> {
  const file = resolve(process.env.INIT_CWD || process.cwd(), path);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '', { flag: 'a' });
  } catch (error) {
    throw new LoadError(`The report cannot be written: ${error instanceof Error ? error.message : String(error)}. Choose another REPORT.`);
  }
  return file;
}

function intention({ RATE, DURATION, CONNECTIONS, MIX, BATCH, CONTACTS }: LoadOptions): string {
  const shares = Object.entries(MIX).flatMap(([call, share]) => (share > 0 ? [`${call} ${share}`] : []));
  const pace = RATE > 0 ? `${number(RATE)} items/s` : 'as fast as answers come';
  return `${DURATION} s, ${pace}, ${CONNECTIONS} connections, batches of ${number(BATCH)}, ${number(CONTACTS)} contacts; shares of the items: ${shares.join(', ')}.`;
}
