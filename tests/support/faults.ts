/**
 * Making processes die, stop or hang at named points, and watching that they did.
 *
 * All points are armed by a file: the point acts once when its file is absent, and creates it. So every worker can carry every
 * point from its start, and a test arms one by deleting a file.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { laneOf } from '@muster/domain';
import type { Exit, ServiceHandle } from '@muster/embedded';
import { expect } from 'vitest';
import { delivered, LANES, type Pipeline, patch, sendProfiles, until } from './pipeline.ts';

/** A stack must be working again by itself this long after the end of a fault. */
export const RECOVERY_MS = 15_000;

export type Action = 'kill' | 'stop' | 'hang' | 'throw';

/** Failpoints of a stack, all disarmed. */
export class FaultPoints {
  readonly #dir = mkdtempSync(join(tmpdir(), 'muster-points-'));
  readonly env: Record<string, string>;

  constructor(points: Readonly<Record<string, Action>>) {
    const entries = Object.entries(points).map(([name, action]) => {
      this.disarm(name);
      return `${name}=${action}@${this.#file(name)}`;
    });
    this.env = { MUSTER_FAILPOINTS: entries.join(';') };
  }

  arm(point: string): void {
    rmSync(this.#file(point));
  }

  disarm(point: string): void {
    writeFileSync(this.#file(point), '');
  }

  /** Resolves when an armed point was reached. */
  async reached(point: string, timeoutMs = 15_000): Promise<number> {
    await until(`reaching ${point}`, async () => existsSync(this.#file(point)), timeoutMs);
    return Date.now();
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #file(point: string): string {
    return join(this.#dir, point.replaceAll(/[^a-z0-9_.]/g, '_'));
  }
}

export const workersOf = (p: Pipeline): ServiceHandle[] => p.stack.services.filter((s) => s.service === 'worker' && s.state !== 'stopped');

/** Adds a worker process and waits until it works. */
export async function addWorker(p: Pipeline, name: string, env: Record<string, string> = {}, restart = true): Promise<ServiceHandle> {
  const handle = await p.stack.spawnService('worker', { name, env, restart });
  await working(handle);
  return handle;
}

/** Resolves when the process answers that it is ready. */
export async function working(handle: ServiceHandle, timeoutMs = 20_000): Promise<void> {
  await until(
    `${handle.name} ready`,
    async () => (await fetch(`http://127.0.0.1:${handle.port}/health/ready`, { signal: AbortSignal.timeout(1_000) })).ok,
    timeoutMs,
  );
}

/** Runs `fault` and resolves with the end of the first worker that dies by it, also of one that is only being started. */
export async function deathOf(p: Pipeline, fault: () => Promise<unknown>): Promise<Exit> {
  const watched = new Set<number>();
  let timer: NodeJS.Timeout | undefined;
  const death = new Promise<Exit>((resolve, reject) => {
    const deadline = Date.now() + RECOVERY_MS;
    const look = () => {
      for (const { pid, exited } of workersOf(p)) {
        if (pid === undefined || watched.has(pid)) continue;
        watched.add(pid);
        void exited.then(resolve);
      }
      if (Date.now() > deadline) reject(new Error('no worker died'));
    };
    look();
    timer = setInterval(look, 10);
  });
  try {
    await fault();
    return await death;
  } finally {
    clearInterval(timer);
  }
}

/** Sends, and expects that the armed point ends one worker with SIGKILL. Resolves with the time of death. */
export async function killAt(p: Pipeline, points: FaultPoints, point: string, send: () => Promise<unknown>): Promise<number> {
  let at = 0;
  points.arm(point);
  const exit = await deathOf(p, async () => {
    await send();
    at = await points.reached(point);
  });
  expect(exit.signal, `how ${point} ended the worker`).toBe('SIGKILL');
  return at;
}

/** The worker that a `stop` point froze, other than those named. */
export function frozenWorker(p: Pipeline, others: ReadonlySet<string>): Promise<ServiceHandle> {
  return until('a frozen worker', async () =>
    workersOf(p).find((w) => !others.has(w.name) && w.pid !== undefined && stateOf(w.pid) === 'T'),
  );
}

function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
}

/** `count` addresses of one profile lane. */
export function emailsInLane(p: Pipeline, lane: number, count: number, prefix: string): string[] {
  const emails: string[] = [];
  for (let n = 0; emails.length < count; n += 1) {
    const email = `${prefix}${n}@x.io`;
    if (laneOf(p.workspaceId, email, LANES) === lane) emails.push(email);
  }
  return emails;
}

/** Upserts of each address with this number; one request. */
export function sendStep(p: Pipeline, emails: readonly string[], step: number): Promise<string[]> {
  return sendProfiles(
    p,
    emails.map((email) => ({ op: 'upsert', patch: patch(email, { custom_number_1: step }) })),
  );
}

/** Numbered requests, sent one after the other; returns all chunk ids. */
export async function sendSteps(p: Pipeline, emails: readonly string[], steps: readonly number[]): Promise<string[]> {
  const chunks: string[] = [];
  for (const step of steps) chunks.push(...(await sendStep(p, emails, step)));
  return chunks;
}

/** Waits for delivery within the recovery time after the end of the fault; says how long it took since `at`. */
export async function recovered(p: Pipeline, chunks: readonly string[], at: number, what: string, end = at): Promise<void> {
  await delivered(p, chunks, Math.max(1, end + RECOVERY_MS - Date.now()));
  expect(Date.now() - end, `${what}: recovery in ms`).toBeLessThan(RECOVERY_MS);
  report(what, Date.now() - at);
}

/** Says how long a recovery took, when MUSTER_FAULT_TIMES is set. */
export function report(what: string, tookMs: number): void {
  if (process.env.MUSTER_FAULT_TIMES) process.stderr.write(`recovery ${what}: ${tookMs} ms\n`);
}
