/** The scripts around the project: secrets for compose, the closing line of continuous integration, the table of configuration. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DOCUMENT, withTable } from '../../scripts/config-table.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'muster-scripts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('docs/operating.md lists the configuration as the schemas have it (else run: npx tsx scripts/config-table.ts)', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  expect(document).toBe(withTable(document));
});

describe('make-env.sh', () => {
  function makeEnv(): string {
    mkdirSync(join(folder, 'scripts'), { recursive: true });
    cpSync(join(ROOT, 'scripts/make-env.sh'), join(folder, 'scripts/make-env.sh'));
    const run = spawnSync(join(folder, 'scripts/make-env.sh'), { encoding: 'utf8' });
    expect(run.status).toBe(0);
    return readFileSync(join(folder, '.env'), 'utf8');
  }

  test('writes every secret that compose asks for, at random, for the owner alone, and once', () => {
    const first = makeEnv();
    const asked = [...readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8').matchAll(/\$\{(\w+):\?/g)].map((m) => m[1] ?? '');
    expect(asked.length).toBeGreaterThan(0);
    for (const name of asked) expect(first).toMatch(new RegExp(`^${name}=\\w{16,}$`, 'm'));
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    expect(makeEnv()).toBe(first);
    rmSync(join(folder, '.env'));
    expect(makeEnv()).not.toBe(first);
  });
});

describe('healthcheck.mjs', () => {
  async function check(variable: string, status: number | null): Promise<number | null> {
    const server = createServer((request, response) => response.writeHead(request.url === '/health/ready' ? (status ?? 200) : 404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    if (status === null) server.close();
    const child = spawn(process.execPath, [join(ROOT, 'scripts/healthcheck.mjs')], { env: { [variable]: String(port) } });
    const [code] = await once(child, 'close');
    server.close();
    return code;
  }

  test.each(['API', 'WORKER', 'SEGMENTER', 'BOARD'])('asks the %s where its own variable says', async (service) => {
    expect(await check(`MUSTER_${service}_PORT`, 200)).toBe(0);
  });

  test('is bad when the service is not ready, or not there', async () => {
    expect(await check('MUSTER_SEGMENTER_PORT', 503)).toBe(1);
    expect(await check('MUSTER_SEGMENTER_PORT', null)).toBe(1);
    expect(await check('MUSTER_OTHER_PORT', 200)).toBe(1);
  });
});

describe('test-summary.mjs', () => {
  function summary(report: unknown, status: number): { last: string | undefined; code: number | null; failures: string[] } {
    const file = join(folder, 'report.json');
    if (report !== undefined) writeFileSync(file, JSON.stringify(report));
    const run = spawnSync(process.execPath, [join(ROOT, 'scripts/test-summary.mjs'), file, String(status)], { encoding: 'utf8' });
    const lines = run.stdout.trimEnd().split('\n');
    return { last: lines.at(-1), code: run.status, failures: lines.slice(0, -1) };
  }
  const file = (status: string, ...tests: string[]) => ({
    ...{ name: join(process.cwd(), 'tests/some.test.ts'), status, message: 'no such module' },
    assertionResults: tests.map((t) => ({ status: t, fullName: `it ${t}`, failureMessages: t === 'failed' ? ['Error: x\n  at y'] : [] })),
  });

  test('counts passed and failed tests, and names what failed', () => {
    const good = { numPassedTests: 3, numFailedTests: 0, testResults: [file('passed', 'passed', 'passed', 'passed')] };
    expect(summary(good, 0)).toEqual({ last: '3 passed, 0 failed', code: 0, failures: [] });
    const bad = { numPassedTests: 2, numFailedTests: 1, testResults: [file('failed', 'passed', 'passed', 'failed')] };
    const failures = ['FAILED tests/some.test.ts > it failed', '    Error: x', '      at y'];
    expect(summary(bad, 2)).toEqual({ last: '2 passed, 1 failed', code: 1, failures });
  });

  test('a file that cannot be loaded counts as a failure', () => {
    const report = { numPassedTests: 1, numFailedTests: 0, testResults: [file('passed', 'passed'), file('failed')] };
    expect(summary(report, 2)).toEqual({
      last: '1 passed, 1 failed',
      code: 1,
      failures: ['FAILED tests/some.test.ts', '    no such module'],
    });
  });

  test('a failure before or beside the tests is never hidden', () => {
    expect(summary(undefined, 2)).toEqual({ last: '0 passed, 1 failed', code: 1, failures: [] });
    expect(summary(undefined, 0)).toEqual({ last: '0 passed, 1 failed', code: 1, failures: [] });
    expect(summary({ numPassedTests: 5, numFailedTests: 0, testResults: [] }, 2)).toEqual({
      last: '5 passed, 1 failed',
      code: 1,
      failures: [],
    });
  });
});
