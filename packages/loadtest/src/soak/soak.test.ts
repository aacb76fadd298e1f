/** The soak as a person runs it, for three seconds: the stack of its own comes, is watched, and is gone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTypeScript } from '@muster/embedded';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Memory is read from /proc. */
const linux = platform() === 'linux';
const TIMEOUT = 120_000;
const dir = mkdtempSync(join(tmpdir(), 'muster-soak-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const report = z.object({
  memory: z.array(z.object({ process: z.string(), early_bytes: z.number(), late_bytes: z.number() })),
  parts: z.record(z.string(), z.object({ max: z.number(), last: z.number() })),
  requirements: z.array(z.object({ name: z.string(), met: z.boolean() })),
  samples: z.array(z.object({ memory: z.record(z.string(), z.number()) })),
  load: z.object({ ok: z.boolean(), total: z.object({ accepted: z.number() }) }),
  ok: z.boolean(),
});

type Run = { code: unknown; text: string };

/** `meanwhile` gets the output so far, after each piece of it. */
async function soak(env: Record<string, string>, meanwhile: (text: string, interrupt: () => void) => void = () => undefined): Promise<Run> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_')));
  // Its temporary directory is made in ours: what it leaves behind can be seen.
  const { file, args } = runTypeScript(MAIN, []);
  const child = spawn(file, args, { env: { ...clean, TMPDIR: dir, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      meanwhile(text, () => child.kill('SIGINT'));
    });
  const [code] = await once(child, 'close');
  return { code, text };
}

/** What is left in its temporary directory, but for the cache of the compiler. */
const left = (): string[] => readdirSync(dir).filter((name) => name.startsWith('muster-soak-'));

test.runIf(linux)('watches every process, and everything accepted is there', { timeout: TIMEOUT }, async () => {
  const file = join(dir, 'report.json');
  const { code, text } = await soak({ MINUTES: '0.05', RATE: '1000', BATCH: '100', REPORT: file });
  const found = report.parse(JSON.parse(readFileSync(file, 'utf8')));
  expect(text).toMatch(/All 8 figures agree\./);
  expect(found.load.ok).toBe(true);
  expect(found.load.total.accepted).toBeGreaterThan(0);
  const names = found.memory.map(({ process }) => process).sort();
  expect(names).toEqual(['api', 'clickhouse', 'postgres', 'redis', 'worker']);
  for (const { process, late_bytes } of found.memory) expect(late_bytes, process).toBeGreaterThan(5 * 1_048_576);
  expect(Object.keys(found.parts)).toContain('timeline_by_contact');
  // How fast this machine answers is no matter of this test.
  const short = found.requirements.flatMap(({ name, met }) => (met || /p99|never sent/.test(name) ? [] : [name]));
  expect(short).toEqual([]);
  expect(code).toBe(found.ok ? 0 : 1);
  expect(left()).toEqual([]);
});

test.runIf(linux)('Ctrl-C stops the stack and removes what it had made', { timeout: TIMEOUT }, async () => {
  let pids: string[] = [];
  const { code, text } = await soak({ MINUTES: '5', RATE: '500' }, (printed, interrupt) => {
    if (!printed.includes('items/s for 5 minutes') || pids.length > 0) return;
    pids = processesIn(dir);
    interrupt();
  });
  expect(pids.length).toBeGreaterThan(3);
  expect(text).toMatch(/Stopped\.\n$/);
  expect(code).toBe(130);
  expect(processesIn(dir)).toEqual([]);
  expect(left()).toEqual([]);
});

/** Processes whose working directory or command lies below a directory. */
function processesIn(path: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const variables = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return words.includes(path) || variables.includes(`MUSTER_DATA_DIR=${path}`);
    } catch {
      // Ended meanwhile, or another user's.
      return false;
    }
  });
}
