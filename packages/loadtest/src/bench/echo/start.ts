/** Starts the bare JSON route as a child process, which ends with its parent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { runTypeScript } from '@muster/embedded';
import { z } from 'zod';

const ready = z.object({ port: z.number().int().positive() });
const READY_MS = 20_000;

export type EchoServer = { readonly url: string; readonly pid: number | undefined; stop(): Promise<void> };

export async function startEcho(): Promise<EchoServer> {
  const { file, args } = runTypeScript(fileURLToPath(new URL('./main.ts', import.meta.url)), []);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    const [message] = await once(child, 'message', { signal: AbortSignal.timeout(READY_MS) });
    return { url: `http://127.0.0.1:${ready.parse(message).port}/`, pid: child.pid, stop: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}
