/** A soak on a running stack: a steady load, looks at the stack meanwhile, and the judgement. */
import { writeFile } from 'node:fs/promises';
import { createClickHouse } from '@muster/clickhouse';
import type { LocalStack } from '@muster/embedded';
import { createPool, undelivered } from '@muster/postgres';
import { MusterClient } from '../client/client.ts';
import type { Output } from '../demo/output.ts';
import { difference, readUntil } from '../demo/settle.ts';
import { LoadEngine } from '../load/engine.ts';
import { LoadError } from '../load/errors.ts';
import { makeReport, reportLines } from '../load/report.ts';
import { drain, reportFile } from '../load/run.ts';
import { type Screen, soon, watch } from '../load/watch.ts';
import { judgeMemory, mostParts, requirements, WARM_UP_SHARE } from './judge.ts';
import { engineOptions, type SoakOptions } from './options.ts';
import { mostOf, type SoakReport, soakLine, soakLines } from './report.ts';
import { Sampler } from './sampler.ts';

/** Often enough for fifths of a short run, seldom enough not to be a load of its own. */
const sampleEveryMs = (minutes: number): number => Math.min(5_000, Math.max(500, (minutes * 60_000) / 40));

export async function runSoak(
  stack: LocalStack,
  options: SoakOptions,
  output: Output,
  screen: Screen,
  signal: AbortSignal,
): Promise<SoakReport> {
  const file = options.REPORT === '' ? null : await reportFile(options.REPORT);
  const pool = createPool(stack.stores.postgresUrl, { max: 2, role: 'admin', onError: () => undefined });
  const clickhouse = createClickHouse(stack.stores.clickhouseUrl, { maxConnections: 2 });
  const client = new MusterClient({ baseUrl: stack.apiUrl, key: stack.devKey, signal });
  try {
    const before = await client.balance();
    const asked = engineOptions(options);
    const engine = new LoadEngine({ url: stack.apiUrl, key: stack.devKey, signal }, asked);
    const balance = async () => {
      const now = await soon(client.balance());
      if (now === null) throw new LoadError('The balance could not be read in time.');
      return difference(before, now);
    };
    const sampler = new Sampler({ stack, pool, clickhouse, balance, window: () => engine.tally.takeWindow() });
    sampler.start(sampleEveryMs(options.MINUTES));
    const stopWatching = watch(screen, async () => {
      const last = sampler.samples.at(-1);
      if (!last) return null;
      return soakLine(engine.tally.total, engine.stats, last);
    });
    const warm = setTimeout(() => engine.tally.beginSteady(), WARM_UP_SHARE * asked.DURATION * 1_000);
    const result = await engine.run().finally(() => {
      clearTimeout(warm);
      return Promise.all([stopWatching(), sampler.stop()]);
    });
    const drainSeconds = await drain(client, before, engine.tally.total.accepted, output);
    const left = await readUntil(
      async () => (await undelivered(pool)).rows,
      (rows) => rows === 0,
    );

    const after = await client.balance();
    const { tally, stats } = engine;
    const facts = {
      url: stack.apiUrl,
      options: asked,
      tally,
      result,
      stats,
      drainSeconds,
      before,
      after,
      difference: difference(before, after),
    };
    const { report: load, checks } = makeReport(facts);
    const memory = judgeMemory(sampler.samples);
    const required = requirements({
      seconds: result.seconds,
      samples: sampler.samples,
      missed: sampler.missed.length,
      memory,
      p99Ms: tally.steadyLatency()?.p99 ?? null,
      unsentItems: load.open_loop?.unsent_items ?? 0,
      undeliveredAtEnd: left,
      restarts: [...stack.services, ...Object.values(stack.stores.processes)].reduce((sum, { restarts }) => sum + restarts, 0),
      balanceAgrees: load.ok,
    });
    const report: SoakReport = {
      load,
      memory,
      parts: mostParts(sampler.samples),
      most: mostOf(sampler.samples),
      requirements: required,
      missed: sampler.missed,
      samples: sampler.samples,
      ok: required.every(({ met }) => met),
    };
    output.line();
    for (const line of [...reportLines(load, checks), '', ...soakLines(report)]) output.line(line);
    if (file !== null) {
      await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
      output.line(`Report: ${file}`);
    }
    return report;
  } finally {
    client.close();
    await Promise.all([pool.end(), clickhouse.close()]);
  }
}
