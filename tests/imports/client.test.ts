/** `npm run import` as a person runs it: to the end, interrupted and gone on with, and told what to do when something is wrong. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTypeScript } from '@muster/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpStack, startHttpStack } from '../support/http.ts';

const MAIN = fileURLToPath(new URL('../../packages/import-client/src/main.ts', import.meta.url));

let http: HttpStack;
beforeAll(async () => {
  http = await startHttpStack();
  await http.post('lists.create', { id: 'newsletter', name: 'Newsletter' });
}, 120_000);
afterAll(async () => {
  await http?.close();
}, 60_000);

type Ended = { code: number | null; out: string };

function run(args: string[], env: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const command = runTypeScript(MAIN, args);
  const child = spawn(command.file, command.args, {
    env: {
      ...process.env,
      ...{ INIT_CWD: http.dir, MUSTER_API_URL: http.stack.apiUrl, MUSTER_API_KEY: http.stack.devKey },
      ...{ MUSTER_IMPORT_STATE: join(http.dir, 'state.json'), ...env },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (out += data.toString()));
  return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, out }))) };
}

function csv(name: string, rows: number, padding = ''): string {
  const lines = Array.from({ length: rows }, (_, i) => `${name}-${i}@client.example,Person ${i},${padding}`);
  writeFileSync(join(http.dir, `${name}.csv`), `Email Address,Full Name,Note\n${lines.join('\n')}\n`);
  return `${name}.csv`;
}

test('sends, shows the mapping, imports and tells the counts', async () => {
  const file = csv('whole', 300);
  writeFileSync(join(http.dir, file), `${readFileSync(join(http.dir, file), 'utf8')}not an address,Nobody,\n`);
  const args = [file, '--list', 'newsletter', '--map', '2=custom_string_1', '--rejects', 'bad.csv'];
  const { code, out } = await run(args).ended;
  expect(out).toMatch(/0 +Email Address +email +\d+ % +whole-0@client\.example/);
  expect(out).toMatch(/2 +Note +custom_string_1/);
  expect(out).toMatch(/is completed\.\n +records +301\n +created +300/);
  expect(out).toMatch(/rejected +1/);
  expect(readFileSync(join(http.dir, 'bad.csv'), 'utf8')).toContain('not an address');
  expect(code).toBe(0);
  expect(out).not.toContain(http.stack.devKey);
  const members = await http.get('contactLists.getContactsByList', { list_id: 'newsletter', limit: 1 });
  expect(members.body.contacts).toHaveLength(1);

  const again = await run([file]).ended;
  expect(again.out).toContain('The same file was imported before');
  expect(again.code).toBe(0);
  const forced = await run([file, '--force', '--dry-run']).ended;
  expect(forced.out).toMatch(/dry run/);
  expect(forced.out).toMatch(/unchanged +300/);
}, 90_000);

test('interrupted while it sends, the same command goes on', async () => {
  const file = csv('large', 60_000, 'x'.repeat(1_000));
  const before = new Set(readdirSync(join(http.dir, 'imports')));
  const first = run([file, '--preview']);
  const part = await until(() => {
    const name = readdirSync(join(http.dir, 'imports')).find((n) => !before.has(n));
    return name !== undefined && statSync(join(http.dir, 'imports', name)).size > 9_000_000 ? name : null;
  });
  first.child.kill('SIGINT');
  const stopped = await first.ended;
  expect([stopped.code, stopped.out]).toEqual([130, expect.stringMatching(/Stopped; \d.* Run the same command again/)]);
  const second = await run([file, '--preview']).ended;
  expect(second.out).toContain(`Going on with import ${part.replace('.csv', '')}`);
  expect(second.out).toMatch(/Sending +100%/);
  expect(second.code).toBe(0);
  expect(readFileSync(join(http.dir, 'imports', part)).equals(readFileSync(join(http.dir, file)))).toBe(true);
  const third = await run([file, '--map', '1=-', '--map', '2=-', '--list', 'newsletter', '--dry-run']).ended;
  expect(third.out).toMatch(/is completed/);
  expect(third.code).toBe(0);
}, 120_000);

test('says what to do when something is wrong', async () => {
  const file = csv('wrong', 3);
  for (const [args, env, text] of [
    [['nowhere.csv'], {}, 'There is no file'],
    [[], {}, 'Give one file'],
    [[file, '--bogus'], {}, '--list ID'],
    [[file, '--map', 'email'], {}, 'NUMBER=VALUE'],
    [[file], { MUSTER_API_KEY: 'wrong' }, 'Set MUSTER_API_KEY'],
    [[file], { MUSTER_API_URL: 'http://127.0.0.1:1' }, 'Nothing answers at http://127.0.0.1:1'],
    [[file, '--list', 'nope'], {}, 'leave --list out'],
    [[file, '--map', '0=-'], {}, '--map NUMBER=email'],
    [[file, '--map', '1=email'], {}, 'mapped to another column already'],
  ] as const) {
    const { code, out } = await run([...args], env).ended;
    expect(out).toContain(text);
    expect(out).not.toMatch(/\n +at /);
    expect(code).toBe(1);
  }
}, 120_000);

async function until<T>(look: () => T | null): Promise<T> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const found = look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not happen');
}
