import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli } from './cli.ts';
import { whenReachable } from './commands/migrate.ts';
import { withLocalStack } from './local-stack.ts';
import { createOutput, formatTable, progressLine } from './output.ts';

const env = {
  MUSTER_POSTGRES_URL: 'postgres://user:secret@127.0.0.1:1/muster',
  MUSTER_REDIS_URL: 'redis://127.0.0.1:1',
  MUSTER_CLICKHOUSE_URL: 'http://127.0.0.1:1/muster',
};

async function admin(args: string[], environment: NodeJS.ProcessEnv = env): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    env: environment,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

test.each([[['help']], [['--help']], [['key', 'create', '-h']]])('%j shows the usage without any configuration', async (args) => {
  const { code, out } = await admin(args, {});
  expect(code).toBe(0);
  expect(out).toContain('bootstrap --workspace W --key KEY');
});

describe('wrong command lines exit 1 and say what is wrong', () => {
  test.each([
    [[], 'name a command'],
    [['frobnicate'], 'no command "frobnicate"'],
    [['key'], 'no command "key"'],
    [['constructor'], 'no command "constructor"'],
    [['migrate', 'now'], '"now" is one word too many'],
    [['migrate', '--workspace', 'x'], 'no option --workspace'],
    [['migrate', '--force'], "Unknown option '--force'"],
    [['workspace', 'create'], 'the name is missing'],
    [['workspace', 'create', 'My Shop'], 'a-z, 0-9, _ and -'],
    [['workspace', 'create', 'shop', '--timezone', 'Mars/Olympus'], 'not a time zone'],
    [['workspace', 'create', 'shop', '--country', 'Atlantis'], 'not a country'],
    [['key', 'create', '--workspace', 'shop', '--name', 'n'], '--scopes is missing'],
    [['key', 'create', '--workspace', 'shop', '--name', 'n', '--scopes', 'ingest,root'], 'ingest,read,write,admin'],
    [['key', 'create', '--workspace', 'shop', '--name', 'n', '--scopes', 'read', '--rate', '0'], '--rate takes a whole number'],
    [['key', 'revoke', '--workspace', 'shop', '--id', 'seven'], '--id takes a whole number'],
    [['segments', 'audit', '--timeout', 'soon'], '--timeout takes a whole number'],
    [['segments', 'audit', '--id', '1'], 'no option --id'],
    [['bootstrap', '--workspace', 'demo'], '--key is missing'],
    [['bootstrap', '--workspace', 'demo', '--key', 'two words'], 'no spaces'],
  ])('%j', async (args, message) => {
    const { code, out, err } = await admin(args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(message);
    expect(err).toContain('help');
  });
});

test('a missing configuration names the variables', async () => {
  const { code, err } = await admin(['migrate'], {});
  expect(code).toBe(1);
  expect(err).toContain('MUSTER_POSTGRES_URL');
});

test.each([[['workspace', 'list']], [['balance']]])('%j without stores says what to check, without the password', async (args) => {
  const { code, err } = await admin(args);
  expect(code).toBe(1);
  expect(err).toContain('MUSTER_POSTGRES_URL');
  expect(err).toContain('ECONNREFUSED');
  expect(err).not.toContain('secret');
  expect(err.trim().split('\n')).toHaveLength(1);
});

test('waiting for a store ends with what to check', async () => {
  const never = whenReachable('ClickHouse', 'MUSTER_CLICKHOUSE_URL', () => Promise.reject(new Error('down')), 1);
  await expect(never).rejects.toThrow('check that it runs, and MUSTER_CLICKHOUSE_URL');
  let tries = 0;
  await whenReachable(
    'Postgres',
    'X',
    async () => {
      tries += 1;
      if (tries < 2) throw new Error('starting');
    },
    5_000,
  );
  expect(tries).toBe(2);
});

test('without addresses a command means the running local stack; what is set by hand wins', () => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-note-'));
  const none = { PATH: '/bin' };
  expect(withLocalStack(none, folder)).toEqual(none);
  mkdirSync(join(folder, '.muster'));
  writeFileSync(join(folder, '.muster', 'stores.env'), 'MUSTER_POSTGRES_URL=postgres://local\nMUSTER_LANES=4\n');
  expect(withLocalStack(none, folder)).toEqual({ PATH: '/bin', MUSTER_POSTGRES_URL: 'postgres://local', MUSTER_LANES: '4' });
  expect(withLocalStack({ MUSTER_LANES: '2' }, folder)).toEqual({ MUSTER_POSTGRES_URL: 'postgres://local', MUSTER_LANES: '2' });
  expect(withLocalStack({ MUSTER_POSTGRES_URL: 'mine' }, folder)).toEqual({ MUSTER_POSTGRES_URL: 'mine' });
  expect(withLocalStack({ MUSTER_DATA_DIR: join(folder, '.muster') }, '/')).toMatchObject({ MUSTER_LANES: '4' });
  rmSync(folder, { recursive: true });
});

describe('output', () => {
  test('aligns columns, numbers to the right', () => {
    expect(
      formatTable(
        ['name', 'n'],
        [
          ['a', 1],
          ['long', 12_345],
        ],
      ),
    ).toEqual(['name       n', 'a          1', 'long  12,345']);
  });

  test('a progress bar never passes its end, and shows only on a terminal', () => {
    expect(progressLine('x', 1, 2)).toBe('x [###############---------------]  50 %  1 of 2');
    expect(progressLine('x', 3, 2)).toContain('100 %  3 of 3');
    expect(progressLine('x', 0, 0)).toContain('100 %');
    let plain = '';
    createOutput({ write: (t) => (plain += t) }).progress('x', 1, 2);
    expect(plain).toBe('');
    let terminal = '';
    const output = createOutput({ write: (t) => (terminal += t), isTTY: true });
    output.progress('x', 1, 2);
    output.endProgress();
    output.endProgress();
    expect(terminal).toBe(`\r\u001b[K${progressLine('x', 1, 2)}\n`);
  });
});
