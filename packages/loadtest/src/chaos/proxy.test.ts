import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { random } from '../random.ts';
import { type Endpoint, FaultyProxy } from './proxy.ts';

/** Echoes with its name before each chunk, and ends when the client does. */
async function echo(name: string): Promise<{ server: Server; endpoint: Endpoint }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => socket.write(`${name}${chunk.toString()}`));
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, endpoint: { host: '127.0.0.1', port: address.port } };
}

type Peer = { socket: Socket; ask: (text: string) => Promise<string>; ended: Promise<string> };

async function dial(endpoint: Endpoint): Promise<Peer> {
  const socket = connect({ ...endpoint, allowHalfOpen: true });
  const ended = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('end', () => resolve('fin'));
  });
  // A refused connection may be reset before it is known to be there.
  await Promise.race([once(socket, 'connect').catch(() => undefined), ended]);
  return {
    socket,
    ended,
    ask: async (text) => {
      const answer = once(socket, 'data');
      socket.write(text);
      return String((await answer)[0]);
    },
  };
}

let a: Awaited<ReturnType<typeof echo>>;
let b: Awaited<ReturnType<typeof echo>>;
let proxy: FaultyProxy;
let front: Endpoint;
beforeEach(async () => {
  [a, b] = [await echo('a'), await echo('b')];
  proxy = new FaultyProxy([a.endpoint, b.endpoint], random(1, 'proxy', 0));
  front = await proxy.listen();
});
afterEach(async () => {
  await proxy.close();
  a.server.close();
  b.server.close();
});

test('passes bytes, connections go round', async () => {
  const [first, second] = [await dial(front), await dial(front)];
  expect([await first.ask('1'), await second.ask('2')].sort()).toEqual(['a1', 'b2']);
  expect(proxy.connections).toBe(2);
});

test('passes over an upstream that is down, and resets when all are', async () => {
  a.server.close();
  for (let n = 0; n < 4; n += 1) expect(await (await dial(front)).ask('x')).toBe('bx');
  await proxy.close();
  proxy = new FaultyProxy([a.endpoint], random(1, 'proxy', 0));
  front = await proxy.listen();
  expect(await (await dial(front)).ended).toBe('ECONNRESET');
});

test('a side that is done sending still receives', async () => {
  const peer = await dial(front);
  peer.socket.end('last');
  expect(String((await once(peer.socket, 'data'))[0])).toMatch(/^[ab]last$/);
  expect(await peer.ended).toBe('fin');
});

test('slow: every chunk waits, order stays', async () => {
  const peer = await dial(front);
  proxy.set({ kind: 'slow', minMs: 60, maxMs: 80 });
  const from = performance.now();
  const name = (await peer.ask('1')).charAt(0);
  expect(performance.now() - from).toBeGreaterThanOrEqual(115);
  proxy.set({ kind: 'slow', minMs: 1, maxMs: 5 });
  for (const text of ['2', '3', '4', '5']) expect(await peer.ask(text)).toBe(`${name}${text}`);
});

test('stall: nothing moves until it is over, then everything arrives', async () => {
  const peer = await dial(front);
  proxy.set({ kind: 'stall' });
  let answered = false;
  const answer = peer.ask('x').then((text) => {
    answered = true;
    return text;
  });
  await sleep(150);
  expect(answered).toBe(false);
  proxy.normal();
  expect(await answer).toMatch(/^[ab]x$/);
});

test('mute: requests arrive, answers are held, and never come when the connection is cut first', async () => {
  const peer = await dial(front);
  await peer.ask('x');
  const arrived = new Promise<string>((resolve) => {
    for (const { server } of [a, b]) server.once('connection', (socket) => socket.once('data', (chunk: Buffer) => resolve(String(chunk))));
  });
  proxy.set({ kind: 'mute' });
  const other = await dial(front);
  let answered = false;
  other.socket.once('data', () => {
    answered = true;
  });
  other.socket.write('y');
  expect(await arrived).toBe('y');
  proxy.cut('rst');
  proxy.normal();
  expect(await other.ended).toBe('ECONNRESET');
  await sleep(50);
  expect(answered).toBe(false);
});

test('cut: by reset and by FIN, and new connections work', async () => {
  const [first, second] = [await dial(front), await dial(front)];
  await first.ask('x');
  await second.ask('x');
  expect(proxy.cut('rst')).toBe(2);
  expect([await first.ended, await second.ended]).toEqual(['ECONNRESET', 'ECONNRESET']);
  const third = await dial(front);
  await third.ask('x');
  expect(proxy.cut('fin')).toBe(1);
  expect(await third.ended).toBe('fin');
  expect(await (await dial(front)).ask('y')).toMatch(/^[ab]y$/);
});

test('refuse: new connections are reset, open ones live on', async () => {
  const open = await dial(front);
  await open.ask('x');
  proxy.set({ kind: 'refuse' });
  expect(await (await dial(front)).ended).toBe('ECONNRESET');
  expect(await open.ask('y')).toMatch(/^[ab]y$/);
});

test('an upstream that dies takes its connections along', async () => {
  const peer = await dial(front);
  await peer.ask('x');
  const sockets: Socket[] = [];
  a.server.on('connection', (socket) => sockets.push(socket));
  b.server.on('connection', (socket) => sockets.push(socket));
  const other = await dial(front);
  await other.ask('x');
  for (const socket of sockets) socket.resetAndDestroy();
  expect(await other.ended).toBe('ECONNRESET');
  expect(await peer.ask('still')).toMatch(/still$/);
});
