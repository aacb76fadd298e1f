/** Duplicates and scratch files against what a map says. */
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scratchFile } from '@muster/queues';
import { afterAll, describe, expect, test } from 'vitest';
import { DuplicateSpill, isLoser } from './duplicates.ts';
import { asFailure, ImportFailure, ScratchLost } from './failure.ts';
import { ScratchReader, ScratchWriter } from './scratch.ts';

const dir = mkdtempSync(join(tmpdir(), 'muster-imports-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const breathe = async () => undefined;

/** Numbers that look random, and are the same in every run. */
function* numbers(below: number): Generator<number> {
  for (let x = 42; ; ) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    yield x % below;
  }
}

describe('"of several rows with one email one that is not rejected is applied, the others count as duplicate"', () => {
  test.each([
    ['last', 1, 5_000],
    ['first', 1, 5_000],
    ['last', 200_000_000, 20_000],
    ['first', 200_000_000, 20_000],
  ] as const)('%s, a file of %i bytes, %i addresses', async (prefer, bytes, addresses) => {
    const spill = await DuplicateSpill.create(join(dir, `${prefer}-${bytes}`), bytes);
    const winners = new Map<string, number>();
    const valid: number[] = [];
    const random = numbers(addresses);
    const records = 60_000;
    for (let record = 0; record < records; record += 1) {
      // Every seventh record is rejected: it does not compete.
      if (record % 7 === 3) continue;
      const email = `p${random.next().value}@example.com`;
      valid.push(record);
      spill.add(email, record);
      if (prefer === 'last' || !winners.has(email)) winners.set(email, record);
      if (record % 1_000 === 0) await spill.drain();
    }
    const losers = await spill.losers(records, prefer, breathe);
    await spill.close();
    expect(valid.filter((record) => !isLoser(losers, record)).sort((a, b) => a - b)).toEqual([...winners.values()].sort((a, b) => a - b));
    expect(Array.from({ length: records }, (_, n) => n).filter((n) => n % 7 === 3 && isLoser(losers, n))).toEqual([]);
  });
});

describe('scratch files', () => {
  const importId = '01900000-0000-7000-8000-000000000000';
  const write = async (run: string, records: number): Promise<{ chunks: number; records: number }> => {
    const writer = await ScratchWriter.create(dir, importId, run, { records: 10, bytes: 1_000_000 });
    for (let n = 0; n < records; n += 1) {
      if (n % 5 === 4) writer.rejected();
      else
        writer.valid(
          { record: n, start: n * 10, end: n * 10 + 10, line: n + 2 },
          { email: `é${n}@example.com`, fields: { first_name: 'a\nb' } },
        );
      if (n % 7 === 0) await writer.drain();
    }
    const losers = new Uint8Array(Math.ceil(records / 8));
    losers[0] = 0b101;
    await writer.finish(losers);
    await writer.close();
    return { chunks: writer.chunks, records };
  };

  test('chunks hold consecutive records, and say what is not among their winners', async () => {
    const found = await write('whole', 23);
    expect(found.chunks).toBe(3);
    const reader = await ScratchReader.open(dir, importId, 'whole', found);
    const chunks = [await reader.chunk(0), await reader.chunk(1), await reader.chunk(2)];
    await reader.close();
    expect(chunks.map(({ records, rejected, duplicates }) => [records, rejected, duplicates])).toEqual([
      [10, 2, 2],
      [10, 2, 0],
      [3, 0, 0],
    ]);
    expect(chunks[0]?.winners.map((w) => w.record)).toEqual([1, 3, 5, 6, 7, 8]);
    expect(chunks[2]?.winners[0]).toMatchObject({ record: 20, start: 200, end: 210, line: 22, patch: { email: 'é20@example.com' } });
  });

  test('files that are missing or cut short are found out: the scan is done again', async () => {
    const found = await write('cut', 23);
    await expect(ScratchReader.open(dir, importId, 'gone', found)).rejects.toThrow(ScratchLost);
    await expect(ScratchReader.open(dir, importId, 'cut', { ...found, chunks: 4 })).rejects.toThrow(ScratchLost);
    truncateSync(scratchFile(dir, importId, 'cut', 'rows'), 900);
    const reader = await ScratchReader.open(dir, importId, 'cut', found);
    await expect(reader.chunk(2)).rejects.toThrow(ScratchLost);
    await reader.close();
  });

  test('a full disk is a reason to fail, other errors are waited out', () => {
    const error = (code: string) => Object.assign(new Error(code), { code });
    expect(asFailure(error('ENOSPC'))).toBeInstanceOf(ImportFailure);
    expect(asFailure(error('ENOSPC'))).toMatchObject({ code: 'disk_full' });
    expect(asFailure(error('EIO'))).not.toBeInstanceOf(ImportFailure);
  });
});
