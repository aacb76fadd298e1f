/** The stack that the demonstration speaks to: one that runs, else one that it starts itself and stops at the end. */
import { resolve } from 'node:path';
import { DEFAULT_DEV_KEY, LocalStackError, REPOSITORY, startStack } from '@muster/embedded';
import { ApiCallError, MusterClient } from '../client/client.ts';
import { DemoError } from './errors.ts';
import type { Output } from './output.ts';

const PROBE_MS = 2_000;

export type Target = { client: MusterClient; url: string; stop: () => Promise<void> };

/**
 * `MUSTER_API_URL` names a running instance; it is never replaced by one of our own. Without it, the API of the local stack is
 * expected on `MUSTER_API_PORT` (8080) of this machine, and started when nothing listens there.
 */
export async function findTarget(env: NodeJS.ProcessEnv, output: Output, signal: AbortSignal): Promise<Target> {
  const port = portOf(env.MUSTER_API_PORT);
  const given = env.MUSTER_API_URL || undefined;
  const url = given ?? `http://127.0.0.1:${port}`;
  const key = env.MUSTER_DEV_KEY || DEFAULT_DEV_KEY;
  if (await answers(url)) {
    output.line(`Muster answers at ${url}.`);
    return { client: await connected(url, key, signal), url, stop: async () => undefined };
  }
  if (given !== undefined)
    throw new DemoError(`Nothing answers at ${given} (MUSTER_API_URL). Start it, or leave the variable out to use a local stack.`);
  const dataDir = resolve(REPOSITORY, env.MUSTER_DATA_DIR || '.muster');
  output.line(`Nothing answers at ${url}: starting the local stack in ${dataDir}; it is stopped at the end.`);
  const stack = await start(() =>
    startStack({ dataDir, apiPort: port, devKey: key, services: ['api', 'worker', 'segmenter'], signal, terminal: output }),
  );
  try {
    return { client: await connected(stack.apiUrl, key, signal), url: stack.apiUrl, stop: () => stack.stop() };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function start<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    // A failure that a person can act on: its message says how.
    if (error instanceof LocalStackError) throw new DemoError(error.message);
    throw error;
  }
}

function portOf(text: string | undefined): number {
  const port = Number(text || '8080');
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new DemoError(`MUSTER_API_PORT is "${text}", which is not a port. Give a number from 1 to 65535.`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health/live', url), { signal: AbortSignal.timeout(PROBE_MS) });
    await response.arrayBuffer();
    return true;
  } catch {
    // Refused, unknown host, silence: nobody is there to speak to.
    return false;
  }
}

async function connected(url: string, key: string, signal: AbortSignal): Promise<MusterClient> {
  const client = new MusterClient({ baseUrl: url, key, signal });
  try {
    await client.balance();
    return client;
  } catch (error) {
    client.close();
    if (error instanceof ApiCallError && (error.status === 401 || error.status === 403))
      throw new DemoError(
        `${url} does not take the key: ${error.message} Set MUSTER_DEV_KEY to a key with the scopes ingest, read and write.`,
      );
    if (error instanceof ApiCallError) throw new DemoError(`${url} does not speak Muster's API: ${error.message}`);
    throw error;
  }
}
