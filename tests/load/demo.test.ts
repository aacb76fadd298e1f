/** The demonstration as a person runs it, small: what it prints must be true, every time it is run. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalStack, REPOSITORY, runTypeScript, startStack } from '@muster/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awkwardCommits, makeRepository } from '../../packages/loadtest/src/git/testing.ts';

const TIMEOUT = 180_000;
const dir = mkdtempSync(join(tmpdir(), 'muster-demo-'));
let stack: LocalStack;

beforeAll(async () => {
  stack = await startStack({ dataDir: join(dir, 'stack'), services: ['api', 'worker', 'segmenter'] });
}, 120_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

type Run = { code: number; text: string };

function demo(env: Record<string, string>): Promise<Run> {
  const { file, args } = runTypeScript(join(REPOSITORY, 'packages/loadtest/src/demo/main.ts'), []);
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_')));
  return new Promise((resolve) => {
    const options = { cwd: REPOSITORY, env: { ...clean, SCALE: '0.01', ...env }, maxBuffer: 16_777_216, timeout: TIMEOUT };
    execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, text: stdout + stderr });
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('twice in a row against one stack, every figure agrees', { timeout: 2 * TIMEOUT }, async () => {
  for (const run of [1, 2]) {
    const { code, text } = await demo({ MUSTER_API_URL: stack.apiUrl, SEED: '5' });
    expect(text).toContain(`Run ${run} of seed 5`);
    expect(text).toMatch(/All \d\d figures agree\./);
    expect(text).toMatch(/external_id_taken/);
    expect(text).toMatch(/The latest 10 entries of its timeline/);
    expect(text).toMatch(/Repeat buyers: 3 orders or more +[\d,]+ +[\d,]+ +ok/);
    expect(text).toMatch(/in "Engaged" \d+\.\d s after they were accepted/);
    expect(text).toMatch(/out \d+\.\d s later, with nothing sent/);
    expect(text).toMatch(/segment\.left +demo_engaged\n.* segment\.joined +demo_engaged/);
    expect(code).toBe(0);
  }
});

test('a git history: what Muster shows per author and year is what git log counts', { timeout: TIMEOUT }, async () => {
  const repository = join(dir, 'repository');
  await makeRepository(repository, awkwardCommits(1_500));
  // A relative path is meant from where the command was given, not from where npm runs it.
  const { code, text } = await demo({ MUSTER_API_URL: stack.apiUrl, REPO: 'repository', INIT_CWD: dir });
  expect(text).toMatch(/1,500 commits up to [0-9a-f]{12}/);
  expect(text).toMatch(/ada@example\.org +600 +\d+ +\d+/);
  expect(text).toMatch(/author "root@\(none\)" → invalid_email/);
  expect(text).toContain('occurred_at_in_future');
  expect(text).toMatch(/All \d\d figures agree\./);
  expect(code).toBe(0);
  const again = await demo({ MUSTER_API_URL: stack.apiUrl, REPO: repository });
  expect(again.text).toMatch(/All \d\d figures agree\./);
  expect(again.code).toBe(0);
});

const history = spawnSync('git', ['-C', REPOSITORY, 'rev-parse', '--is-shallow-repository', '--show-prefix'], { encoding: 'utf8' });
const [shallow = '', prefix = ''] = history.stdout.split('\n');
// Below another repository, its history is not this project's.
const ownHistory = history.status === 0 && prefix === '';

test.skipIf(!ownHistory || shallow !== 'false')(
  'the history of this project (skipped without a complete git checkout)',
  { timeout: TIMEOUT },
  async () => {
    const { code, text } = await demo({ MUSTER_API_URL: stack.apiUrl, REPO: REPOSITORY });
    expect(text).toMatch(/All \d+ figures agree\./);
    expect(code).toBe(0);
  },
);

test('starts a stack when none answers, and stops it', { timeout: TIMEOUT }, async () => {
  const port = await freePort();
  const repository = join(dir, 'small');
  await makeRepository(repository, awkwardCommits(50));
  const { code, text } = await demo({ MUSTER_API_PORT: String(port), MUSTER_DATA_DIR: join(dir, 'own'), REPO: repository });
  expect(text).toContain(`Nothing answers at http://127.0.0.1:${port}: starting the local stack in ${join(dir, 'own')}`);
  expect(text).toMatch(/All \d\d figures agree\./);
  expect(code).toBe(0);
  await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
});

test('says what is wrong, without a stack trace', { timeout: TIMEOUT }, async () => {
  const port = await freePort();
  const cases: [Record<string, string>, RegExp][] = [
    [{ MUSTER_API_URL: `http://127.0.0.1:${port}` }, /Nothing answers at .* Start it, or leave the variable out/],
    [{ MUSTER_API_URL: stack.apiUrl, MUSTER_DEV_KEY: 'wrong' }, /does not take the key: .* Set MUSTER_DEV_KEY/],
    [{ MUSTER_API_URL: stack.apiUrl, REPO: tmpdir() }, /cannot be read as a git repository with a history/],
    [{ MUSTER_API_URL: stack.apiUrl, SCALE: '-1' }, /SCALE is "-1"; give a number above 0/],
  ];
  for (const [env, message] of cases) {
    const { code, text } = await demo(env);
    expect(text).toMatch(message);
    expect(text).not.toMatch(/\n +at /);
    expect(code).toBe(1);
  }
});
