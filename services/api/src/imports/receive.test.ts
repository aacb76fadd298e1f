import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Lease } from './lease.ts';
import { receive, requireRoom, type Target } from './receive.ts';

const dir = mkdtempSync(join(tmpdir(), 'muster-receive-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const lease = { beforeWrite: () => undefined } as Pick<Lease, 'beforeWrite'>;
const target = (over: Partial<Target>): Target => ({
  path: join(dir, 'file'),
  offset: 0,
  max: 100,
  lease,
  note: async () => undefined,
  ...over,
});
async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

it('writes and sums up; goes on where it is told to, without a sum', async () => {
  expect(await receive(pieces('abc', 'def'), target({}))).toEqual({
    size: 6,
    sha256: 'bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721',
  });
  expect(await receive(pieces('ghi'), target({ offset: 6 }))).toEqual({ size: 9, sha256: null });
  expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('abcdefghi');
});

it('begins anew over a longer file', async () => {
  writeFileSync(join(dir, 'file'), 'x'.repeat(50));
  await receive(pieces('new'), target({}));
  expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('new');
});

it('takes no byte too many, and says so when the disk is full', async () => {
  await expect(receive(pieces('a'.repeat(60), 'b'.repeat(41)), target({}))).rejects.toMatchObject({ code: 'file_too_large', status: 413 });
  await expect(receive(pieces('x'), target({ path: '/dev/full' }))).rejects.toMatchObject({ code: 'insufficient_storage', status: 507 });
  await expect(requireRoom(dir, 2 ** 60)).rejects.toMatchObject({ code: 'insufficient_storage' });
});

it('stops when somebody else may hold the file', async () => {
  const lost = {
    beforeWrite: () => {
      throw new Error('lost');
    },
  };
  writeFileSync(join(dir, 'kept'), 'kept');
  await expect(receive(pieces('x'), target({ path: join(dir, 'kept'), offset: 4, lease: lost }))).rejects.toThrow('lost');
  expect(readFileSync(join(dir, 'kept'), 'utf8')).toBe('kept');
});
