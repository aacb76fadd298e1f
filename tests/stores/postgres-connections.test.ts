/** Connections that end at awkward moments: what Postgres says at its end may come in the packet of its last answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalStores, startStores } from '@muster/embedded';
import { createPool, inTransaction } from '@muster/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'muster-connections-'));
let stores: LocalStores;
beforeAll(async () => {
  stores = await startStores({ dataDir: dir });
}, 120_000);
afterAll(async () => {
  await stores?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** ReadyForQuery, outside of a transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** What a backend sends when the postmaster is gone: FATAL 57P01. */
function farewell(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to unexpected postmaster exit', ''];
  const body = Buffer.from(`${fields.join('\0')}\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A proxy that lets the first connections end right after Postgres said for the nth time that it is ready. */
async function endingProxy(url: string, endsAfter: number[]): Promise<{ server: Server; url: string }> {
  const { port, hostname } = new URL(url);
  const server = createServer((client) => {
    const answers = endsAfter.shift();
    let ready = 0;
    const postgres = connect(Number(port), hostname);
    const end = (): void => {
      client.destroy();
      postgres.destroy();
    };
    for (const socket of [client, postgres]) socket.on('error', end).on('close', end);
    client.pipe(postgres);
    postgres.on('data', (data: Buffer) => {
      if (data.subarray(-READY.length).equals(READY)) ready += 1;
      if (ready === answers) client.end(Buffer.concat([data, farewell()]));
      else client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const target = new URL(url);
  target.hostname = '127.0.0.1';
  target.port = String(typeof address === 'object' ? address?.port : '');
  return { server, url: target.href };
}

test('a farewell in the packet of an answer is an error of one statement, and never ends the process', async () => {
  // At the end of the greeting, of a transaction's COMMIT, and of a statement outside of one.
  const { server, url } = await endingProxy(stores.postgresUrl, [1, 2, 2]);
  const pool = createPool(url, { max: 1, role: 'admin', onError: () => undefined });
  try {
    const answers: unknown[] = [];
    for (let n = 0; n < 4; n += 1) {
      const transaction = inTransaction(pool, async (client) => (await client.query<{ n: number }>('SELECT 1 AS n')).rows[0]?.n);
      answers.push(await transaction.catch((error: unknown) => (error instanceof Error ? 'failed' : 'odd')));
      answers.push(
        await pool.query<{ n: number }>('SELECT 2 AS n').then(
          ({ rows }) => rows[0]?.n,
          () => 'failed',
        ),
      );
    }
    expect(answers).toContain('failed');
    // Three connections were lost; afterwards everything works again.
    expect(answers.slice(-2)).toEqual([1, 2]);
  } finally {
    await pool.end();
    server.close();
  }
});
