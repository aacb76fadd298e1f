/** One run: load, faults one after the other, quiet, verification. */
import { createClickHouse } from '@muster/clickhouse';
import { createPool, findWorkspace, readBalance } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import { MusterClient } from '../client/client.ts';
import { number, type Output } from '../demo/output.ts';
import { type Screen, watch } from '../load/watch.ts';
import { random } from '../random.ts';
import type { Fault } from './faults/index.ts';
import { type ChaosOptions, chosenFaults } from './options.ts';
import { Load } from './producers/load.ts';
import { LISTS } from './producers/memberships.ts';
import { Sender } from './producers/sender.ts';
import { type Attempt, refusedMs } from './producers/sentinel.ts';
import { QueueWatch } from './queues.ts';
import { waitForQuiet } from './quiet.ts';
import { Recovery } from './recovery.ts';
import { type ChaosReport, type FaultResult, isRecovered, scheduleLines } from './report.ts';
import { makeSchedule, type ScheduledFault } from './schedule.ts';
import { createSegments } from './segments.ts';
import { verify } from './verify/index.ts';
import type { World } from './world.ts';

/** Longer than the `Prefer: wait` of a probe. */
const PROBE_MS = 6_000;
const WORKSPACE = 'demo';

export type RunDeps = { world: World; options: ChaosOptions; output: Output; screen: Screen; signal: AbortSignal; repeat: string };

export async function runChaos({ world, options, output, screen, signal, repeat }: RunDeps): Promise<ChaosReport> {
  const { SEED: seed, RATE: rate, MINUTES: minutes } = options;
  const faults = chosenFaults(options);
  const schedule = makeSchedule(faults, { seed, minutes, everySeconds: options.EVERY });
  for (const line of scheduleLines(schedule)) output.line(line);

  const { stack } = world;
  const target = { url: world.apiUrl, key: stack.devKey, signal };
  const pool = createPool(stack.stores.postgresUrl, { max: 4, role: 'admin', onError: () => undefined });
  const clickhouse = createClickHouse(stack.stores.clickhouseUrl, { maxConnections: 2, requestTimeoutMs: 60_000 });
  const queues = new QueueWatch(stack.stores.redisUrl);
  const client = new MusterClient({ baseUrl: stack.apiUrl, key: stack.devKey, signal });
  const load = new Load({ ...target, seed, rate, waiting: () => queues.waiting() });
  const prober = new Sender({ ...target, timeoutMs: PROBE_MS, giveUpAfterMs: 0, connections: 4 }, load.tally);
  try {
    for (const id of LISTS) await client.createList({ id, name: id });
    await createSegments(client);
    const recovery = new Recovery({ knowledge: load.knowledge, sender: prober, pool, queues });
    let doing = 'warming up';
    const stopWatching = watch(screen, async () => {
      const { sent, acknowledged, unknown } = load.tally;
      return `${doing} | sent ${number(sent)} acknowledged ${number(acknowledged)} unknown ${number(unknown)}`;
    });
    try {
      const startedAt = Date.now();
      load.start();
      const over = new AbortController();
      const running = AbortSignal.any([signal, over.signal]);
      const inject = new FaultRunner({
        world,
        faults,
        recovery,
        attempts: load.attempts,
        seed,
        startedAt,
        within: options.RECOVERY,
        signal: running,
      });

      const results: FaultResult[] = [];
      const all = async (): Promise<void> => {
        for (const scheduled of schedule) {
          await sleep(Math.max(0, startedAt + scheduled.atMs - Date.now()), running);
          running.throwIfAborted();
          doing = `fault ${scheduled.number + 1} of ${schedule.length}: ${scheduled.kind} ${scheduled.target}`;
          results.push(await inject.run(scheduled));
        }
        doing = 'all faults are over';
        await sleep(Math.max(0, startedAt + minutes * 60_000 - Date.now()), running);
      };
      const injecting = all();
      try {
        // A producer that fails no longer knows what it sent: nothing could be said about the rest of the run.
        await Promise.race([injecting, load.failed.then(() => injecting)]);
      } catch (error) {
        // No fault may be left behind, nor one begin, in a stack that is being stopped.
        over.abort();
        // The failure that ended the run is the one to report; one of the fault that was under way follows from it.
        await injecting.catch(() => undefined);
        throw error;
      }
      doing = 'waiting for quiet';
      await load.stop();
      signal.throwIfAborted();
      const quiet = await waitForQuiet(pool, queues, signal);
      doing = 'comparing what was sent with what is stored';
      const workspace = await findWorkspace(pool, WORKSPACE);
      if (!workspace) throw new Error(`the stack has no workspace ${WORKSPACE}`);
      const { knowledge, tally } = load;
      const found = await verify({ pool, clickhouse, workspaceId: workspace.workspaceId, stack, client, knowledge, tally, signal });
      const checks = [quiet.check, ...found];
      const { duplicate } = await readBalance(pool, workspace.workspaceId);
      return {
        seed,
        minutes,
        rate,
        repeat,
        faults: results,
        totals: { ...tally, duplicates: duplicate, drained_ms: quiet.afterMs },
        checks,
        ok: results.every(({ ok }) => ok) && checks.every((check) => check.faults.length === 0),
      };
    } finally {
      await stopWatching();
      // Stopped once more for a run that failed; what a producer failed with was thrown above.
      await load.stop().catch(() => undefined);
    }
  } finally {
    prober.close();
    client.close();
    queues.close();
    await Promise.all([pool.end(), clickhouse.close()]);
  }
}

type FaultRunnerDeps = {
  world: World;
  faults: readonly Fault[];
  recovery: Recovery;
  attempts: readonly Attempt[];
  seed: number;
  startedAt: number;
  /** Seconds that a recovery may take. */
  within: number;
  signal: AbortSignal;
};

class FaultRunner {
  readonly #deps: FaultRunnerDeps;

  constructor(deps: FaultRunnerDeps) {
    this.#deps = deps;
  }

  /** Makes a fault happen, lifts it, and measures until everything works again. */
  async run(scheduled: ScheduledFault): Promise<FaultResult> {
    const { world, faults, recovery, attempts, seed, startedAt, signal } = this.#deps;
    const fault = faults.find(({ kind }) => kind === scheduled.kind);
    if (!fault) throw new RangeError(`there is no fault ${scheduled.kind}`);
    const from = Date.now();
    const lift = await fault.inject(world, scheduled.target, random(seed, 'injected', scheduled.number));
    if (scheduled.durationMs > 0) await sleep(scheduled.durationMs, signal);
    // What ends by itself was over the moment that it began.
    const end = scheduled.durationMs > 0 ? Date.now() : from;
    await lift();
    const { ms: recoveryMs, waitedFor } = await recovery.measure(end, signal);
    return {
      ...scheduled,
      happenedMs: from - startedAt,
      lastedMs: end - from,
      refusedMs: refusedMs(attempts, from, Date.now()),
      recoveryMs,
      waitedFor,
      ok: isRecovered(recoveryMs, this.#deps.within),
    };
  }
}
