/** What faults act on: a stack with two processes of each service but the board, and a proxy before each store and before the API. */
import type { LocalStack, LocalStores, Terminal } from '@muster/embedded';
import { startStack } from '@muster/embedded';
import { random } from '../random.ts';
import { type Endpoint, FaultyProxy } from './proxy.ts';

export type StoreName = 'postgres' | 'redis' | 'clickhouse';
export const STORES = ['postgres', 'redis', 'clickhouse'] as const satisfies readonly StoreName[];

export type World = {
  readonly stack: LocalStack;
  /** Between the services and the stores, and between the producers and both processes of the API. */
  readonly proxies: Readonly<Record<StoreName | 'api', FaultyProxy>>;
  /** Where producers send: goes round both processes of the API. */
  readonly apiUrl: string;
  close(): Promise<void>;
};

/** @throws LocalStackError saying what to do; whatever was started is stopped again first. */
export async function startWorld(options: { dataDir: string; seed: number; signal: AbortSignal; terminal: Terminal }): Promise<World> {
  const opened: FaultyProxy[] = [];
  const before = async (name: string, ...upstreams: [Endpoint, ...Endpoint[]]): Promise<{ proxy: FaultyProxy; at: Endpoint }> => {
    const proxy = new FaultyProxy(upstreams, random(options.seed, `proxy ${name}`, 0));
    opened.push(proxy);
    return { proxy, at: await proxy.listen() };
  };
  const stores: Partial<Record<StoreName, FaultyProxy>> = {};
  const wireEnv = async (addresses: LocalStores): Promise<Record<string, string>> => {
    const env: Record<string, string> = {};
    for (const name of STORES) {
      const url = new URL(addresses[`${name}Url`]);
      const { proxy, at } = await before(name, { host: url.hostname, port: Number(url.port) });
      stores[name] = proxy;
      url.port = String(at.port);
      env[`MUSTER_${name.toUpperCase()}_URL`] = url.href;
    }
    return env;
  };
  let stack: LocalStack | undefined;
  const close = async (): Promise<void> => {
    // What is frozen or cut off could not end in order.
    for (const proxy of opened) proxy.normal();
    for (const service of stack?.services ?? []) service.kill('SIGCONT');
    stack?.stores.processes.clickhouse.kill('SIGCONT');
    await stack?.stop();
    await Promise.all(opened.map((proxy) => proxy.close()));
  };
  try {
    stack = await startStack({ ...options, services: ['api', 'worker', 'segmenter'], wireEnv });
    const second = await stack.spawnService('api');
    await stack.spawnService('worker');
    await stack.spawnService('segmenter');
    await ready(second.port, options.signal);
    const { proxy: api, at } = await before('api', endpointOf(stack.apiUrl), { host: '127.0.0.1', port: second.port });
    const { postgres, redis, clickhouse } = stores;
    if (!postgres || !redis || !clickhouse) throw new Error('a store has no proxy');
    return { stack, proxies: { postgres, redis, clickhouse, api }, apiUrl: `http://${at.host}:${at.port}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const READY_MS = 60_000;

async function ready(port: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    signal.throwIfAborted();
    // Refused or silent while it starts: the deadline says so when that does not end.
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`the second API did not become ready within ${READY_MS / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function endpointOf(url: string): Endpoint {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
