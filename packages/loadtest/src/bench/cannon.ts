/** Single requests in a closed loop over 64 keep-alive connections, from one thread; only 2xx count. */
import autocannon, { type Options, type Result } from 'autocannon';
import { number, type Output } from '../demo/output.ts';
import { BenchError } from './errors.ts';

export const CONNECTIONS = 64;

export type Shots = {
  /** Requests that were answered with 2xx. */
  acknowledged: number;
  seconds: number;
  notes: Record<string, number>;
};

export type Aim = { url: string; headers: Record<string, string>; body: () => string; seconds: number; label: string };

/** @throws BenchError when connections failed: what they would have brought is unknown. */
export async function shoot(aim: Aim, output: Output, signal: AbortSignal): Promise<Shots> {
  const result = await run(aim, output, signal);
  signal.throwIfAborted();
  const { label } = aim;
  if (result.errors > 0)
    throw new BenchError(`${label}: ${result.errors} requests failed without an answer, ${result.timeouts} of them after ten seconds.`);
  if (result['2xx'] === 0) throw new BenchError(`${label}: no request was acknowledged (${JSON.stringify(result.statusCodeStats)}).`);
  const refused = Object.entries(result.statusCodeStats ?? {}).filter(([status]) => !status.startsWith('2'));
  return {
    acknowledged: result['2xx'],
    seconds: result.duration,
    notes: {
      p50_ms: result.latency.p50,
      p99_ms: result.latency.p99,
      ...Object.fromEntries(refused.map(([status, { count }]) => [`answers_${status}`, count ?? 0])),
    },
  };
}

async function run(aim: Aim, output: Output, signal: AbortSignal): Promise<Result> {
  const total = Math.ceil(aim.seconds);
  const progress = output.progress(`${aim.label}, seconds`, total);
  const options: Options = {
    url: aim.url,
    connections: CONNECTIONS,
    duration: aim.seconds,
    requests: [{ method: 'POST', headers: aim.headers, setupRequest: (request) => ({ ...request, body: aim.body() }) }],
  };
  let stop = (): void => undefined;
  try {
    const result = await new Promise<Result>((resolve, reject) => {
      const instance = autocannon(options, (error: unknown, outcome) => (error ? reject(error) : resolve(outcome)));
      stop = () => instance.stop();
      signal.addEventListener('abort', stop);
      let ticks = 0;
      instance.on('tick', () => {
        // There may be one tick more than there are seconds.
        ticks += 1;
        if (ticks <= total) progress.add(1);
      });
    });
    progress.done(`${number(result['2xx'])} acknowledged`);
    return result;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
