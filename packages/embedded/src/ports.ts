import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { errorCode, LocalStackError } from './errors.ts';

/**
 * Below the kernel's ephemeral range (Linux 32768+, macOS 49152+). A port inside that range may be handed to any
 * outgoing connection while a store is down, and a client that keeps dialling its own ephemeral port can even connect
 * to itself: the store could then never come back on its port.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** True when nothing listens on this port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      const code = errorCode(error);
      if (code === 'EADDRINUSE' || code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Picks a free loopback port.
 *
 * @param taken ports already promised to others of this stack; the result is added.
 * @throws LocalStackError when 200 random tries found none.
 */
export async function pickPort(taken: Set<number>): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if (taken.has(port) || !(await isPortFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new LocalStackError(`No free port found between ${FIRST} and ${LAST} on 127.0.0.1. Stop some local servers and start again.`);
}

/**
 * Refuses a port that something else listens on.
 *
 * @throws LocalStackError naming the environment variable to change.
 */
export async function assertPortFree(port: number, variable: string, what: string): Promise<void> {
  if (await isPortFree(port)) return;
  throw new LocalStackError(
    `Port ${port} on 127.0.0.1 is in use, so ${what} cannot start. Stop what listens there, or choose another port: ${variable}=${port < 65_000 ? port + 100 : port - 100} make start`,
  );
}
