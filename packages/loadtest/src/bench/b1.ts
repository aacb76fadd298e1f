/**
 * B1: single contacts.upsert with distinct addresses over 64 keep-alive connections, answered 202 when Redis has them on disk. The
 * worker is stopped meanwhile, so that the figure is that of acknowledging; what was queued is worked off between the turns, and once
 * with the worker running for information.
 *
 * Baseline: a bare JSON route of the same framework, in a process of its own, with the same bodies from the same generator.
 */
import { type Bed, ledgerMark, startWorker, stopWorker, untilIdle, untilStored } from './bed.ts';
import { type Aim, CONNECTIONS, shoot } from './cannon.ts';
import { CpuMeter } from './cpu.ts';
import { type EchoServer, startEcho } from './echo/start.ts';
import { address, contactFields } from './items.ts';
import { measure } from './measure.ts';
import type { Measurement, Round, Row } from './result.ts';
import { rowOf } from './rows.ts';

const SECONDS = 8;
const WARM_UP_SECONDS = 3;
const RUNNING = 'with the worker running';

export async function runB1(bed: Bed): Promise<Row> {
  const share = (full: number): number => Math.max(1, Math.round(full * bed.options.SCALE));
  const seconds = share(SECONDS);
  const echo = await startEcho();
  try {
    await systemTurn(bed, 'b1-warm', share(WARM_UP_SECONDS), 'B1 warm-up');
    await baselineTurn(bed, echo, 'b1-warm', share(WARM_UP_SECONDS), 'B1 warm-up base');
    const rounds: Round[] = [];
    for (let n = 1; n <= bed.options.ROUNDS; n += 1) {
      await untilIdle(bed);
      await stopWorker(bed);
      const mark = await ledgerMark(bed);
      const system = await systemTurn(bed, `b1-${n}`, seconds, `B1 round ${n}`);
      const baseline = await baselineTurn(bed, echo, `b1-${n}`, seconds, `B1 round ${n} base`);
      await startWorker(bed);
      // Nothing that was acknowledged may be missing; the last request of each connection was cut off and may be there, too.
      await untilStored(bed, mark, system.items);
      await untilIdle(bed);
      const running = await systemTurn(bed, `b1-running-${n}`, seconds, `B1 worker on ${n}`);
      rounds.push({ system, baseline, others: { [RUNNING]: running } });
    }
    await untilIdle(bed);
    return rowOf({
      id: 'B1',
      work: `single-item POST, ${CONNECTIONS} connections, acknowledged on Redis' disk, worker stopped`,
      unit: 'requests/s',
      baselineWork: 'a bare Hono JSON route in a process of its own, same bodies, same generator',
      goal: { rate: null, ratio: 0.5 },
      rounds,
    });
  } finally {
    await echo.stop();
  }
}

function systemTurn(bed: Bed, population: string, seconds: number, label: string): Promise<Measurement> {
  const aim = {
    url: `${bed.stack.apiUrl}/api/contacts.upsert`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${bed.stack.devKey}` },
    body: upserts(bed, population),
    seconds,
    label,
  };
  return turn(bed, aim, bed.cpu);
}

function baselineTurn(bed: Bed, echo: EchoServer, population: string, seconds: number, label: string): Promise<Measurement> {
  const aim = { url: echo.url, headers: { 'content-type': 'application/json' }, body: upserts(bed, population), seconds, label };
  return turn(bed, aim, new CpuMeter([{ name: 'route', pid: () => echo.pid }]));
}

function turn(bed: Bed, aim: Aim, cpu: CpuMeter): Promise<Measurement> {
  return measure({ signal: bed.signal, cpu }, async () => {
    const { acknowledged, seconds, notes } = await shoot(aim, bed.output, bed.signal);
    return { items: acknowledged, seconds, notes };
  });
}

/** Each call another contact. Both sides build their bodies alike while the clock runs: that is the generator's share. */
function upserts(bed: Bed, population: string): () => string {
  let next = 0;
  return () => {
    const n = next++;
    return JSON.stringify({ contact: { email: address(population, n), ...contactFields(bed.options.SEED, n, 1) } });
  };
}
