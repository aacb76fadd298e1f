/** Helpers of this package's tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Stand-ins for the services: fast, and they tell what they were given. */
export const FIXTURES = fileURLToPath(new URL('../fixtures/services', import.meta.url));

/** An empty directory and how to remove it. */
export function temporaryDir(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'muster-embedded-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Resolves when the condition holds. @throws Error after the deadline. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, deadlineMs = 20_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await sleep(25);
  }
}

/** Sends inline commands to Redis over a socket of its own and returns the raw reply. */
export async function redisCommand(url: string, command: string, endsWith: RegExp = /\r\n$/): Promise<string> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) }, () => socket.write(`${command}\r\n`));
    let reply = '';
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString('utf8');
      if (endsWith.test(reply)) {
        socket.destroy();
        resolve(reply);
      }
    });
    socket.once('error', reject);
  });
}
