/**
 * A TCP proxy that makes a network behave badly on demand.
 *
 *   pass ── as it comes        slow ── each chunk waits, in order      stall ── nothing moves, connections stay
 *   mute ── requests pass, answers are held      refuse ── new connections are reset      cut() ── every open connection ends, by RST or FIN, in any mode
 *
 * It has several upstreams when it stands before equal processes: connections go round, and pass over one that does not answer.
 */
import { setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { sleep } from '@muster/runtime';
import type { Random } from '../random.ts';

export type Endpoint = { readonly host: string; readonly port: number };
export type Mode =
  | { kind: 'pass' }
  | { kind: 'slow'; minMs: number; maxMs: number }
  | { kind: 'stall' }
  | { kind: 'mute' }
  | { kind: 'refuse' };
export type Cut = 'rst' | 'fin';

const PASS: Mode = { kind: 'pass' };
const HOST = '127.0.0.1';

export class FaultyProxy {
  readonly #upstreams: readonly Endpoint[];
  readonly #random: Random;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #ending = new AbortController();
  #next = 0;
  #mode: Mode = PASS;
  /** Resolved when the mode changes, for chunks that a stall holds. */
  #changed = deferred();

  /** @param upstreams tried in turn; at least one. */
  constructor(upstreams: readonly [Endpoint, ...Endpoint[]], random: Random) {
    this.#upstreams = upstreams;
    this.#random = random;
    // Each chunk that waits listens: hundreds are not a leak.
    setMaxListeners(0, this.#ending.signal);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => void this.#accept(client));
  }

  /** Listens on a free loopback port. */
  async listen(): Promise<Endpoint> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: HOST, port: 0 }, resolve);
    });
    return { host: HOST, port: portOf(this.#server.address()) };
  }

  get connections(): number {
    return this.#open.size / 2;
  }

  set(mode: Mode): void {
    this.#mode = mode;
    const changed = this.#changed;
    this.#changed = deferred();
    changed.resolve();
  }

  normal(): void {
    this.set(PASS);
  }

  /** Ends every open connection on both sides. @returns how many there were. */
  cut(how: Cut): number {
    const ended = this.connections;
    for (const socket of this.#open) end(socket, how);
    return ended;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.normal();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut('rst');
    await closed;
  }

  async #accept(client: Socket): Promise<void> {
    // What a peer does to its own connection is no news here: 'close' follows and ends the other side.
    client.on('error', () => undefined);
    if (this.#mode.kind === 'refuse') return void client.resetAndDestroy();
    const upstream = await this.#dial();
    if (upstream === null || client.destroyed || this.#ending.signal.aborted) {
      upstream?.destroy();
      client.resetAndDestroy();
      return;
    }
    this.#join(client, upstream);
  }

  /** Connects to the upstream whose turn it is, or to the next that takes a connection. */
  async #dial(): Promise<Socket | null> {
    const first = this.#next;
    this.#next = (first + 1) % this.#upstreams.length;
    for (let n = 0; n < this.#upstreams.length; n += 1) {
      const endpoint = this.#upstreams[(first + n) % this.#upstreams.length];
      const socket = endpoint === undefined ? null : await dial(endpoint);
      if (socket !== null) return socket;
    }
    return null;
  }

  #join(client: Socket, upstream: Socket): void {
    for (const [from, to, answers] of [
      [client, upstream, false],
      [upstream, client, true],
    ] as const) {
      this.#open.add(from);
      from.pipe(this.#gate(answers)).pipe(to);
      from.on('close', (failed: boolean) => {
        this.#open.delete(from);
        if (failed) end(to, 'rst');
        // A side that is closed for good will not read what the other one still has to say.
        else if (!to.destroyed && to.writableEnded) to.destroy();
      });
    }
  }

  #gate(answers: boolean): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done: TransformCallback) => void this.#hold(answers).then(() => done(null, chunk)),
      flush: (done: TransformCallback) => void this.#hold(answers).then(() => done()),
    });
  }

  /** Waits as long as the mode asks of one chunk. */
  async #hold(answer: boolean): Promise<void> {
    while (this.#mode.kind === 'stall' || (answer && this.#mode.kind === 'mute')) await this.#changed.promise;
    if (this.#mode.kind !== 'slow') return;
    const { minMs, maxMs } = this.#mode;
    await sleep(minMs + this.#random.next() * (maxMs - minMs), this.#ending.signal);
  }
}

/** A connected socket, or null when nobody takes the connection. */
function dial({ host, port }: Endpoint): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => resolve(null));
  });
}

function end(socket: Socket, how: Cut): void {
  if (how === 'rst') socket.resetAndDestroy();
  else socket.destroy();
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The proxy has no TCP address.');
  return address.port;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
