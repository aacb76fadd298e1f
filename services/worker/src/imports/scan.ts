/**
 * The first pass over the file: every record is judged, rejected rows are recorded, valid ones are written down ready for the lanes, and
 * duplicates are decided. Nothing is applied. A scan that was interrupted simply starts over: it finds the same.
 */
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { type Dialect, type ImportOptions, readRecords } from '@muster/csv';
import { inTransaction, type NewImportReject, recordImportRejects } from '@muster/postgres';
import { importFile, scratchFile } from '@muster/queues';
import type { Deps } from '../deps.ts';
import { DuplicateSpill } from './duplicates.ts';
import { fileMissing, fileTruncated, isMissing } from './failure.ts';
import type { Judge } from './judge.ts';
import { ScratchWriter } from './scratch.ts';

/** Records per chunk and lane: about what a live upsert waits behind. The spread of hashes hardly ever brings a lane to twice as many. */
const RECORDS_PER_LANE = 250;
const CHUNK_BYTES = 2 * 1024 * 1024;
const REJECTS_AT_ONCE = 500;
const REJECT_BYTES = 1024 * 1024;

export type ScanInput = {
  importId: string;
  workspaceId: number;
  acceptedAt: number;
  /** Names the scratch files. */
  run: string;
  size: number;
  dialect: Dialect;
  options: ImportOptions;
  judge: Judge;
  /** Notes how far it got, and throws when the scan must not go on. */
  progress: (scanned: number, records: number) => void;
  /** Runs a step that only needs the stores, again and again until they are there. */
  steadily: <T>(step: () => Promise<T>) => Promise<T>;
};
export type Scanned = { records: number; chunks: number };

export async function scanFile(deps: Deps, input: ScanInput): Promise<Scanned> {
  const { importId, run, size } = input;
  const dir = deps.config.MUSTER_IMPORT_DIR;
  const path = importFile(dir, importId);
  await requireWhole(path, size);
  const writer = await ScratchWriter.create(dir, importId, run, {
    records: RECORDS_PER_LANE * deps.config.MUSTER_LANES,
    bytes: CHUNK_BYTES,
  });
  const hashes = scratchFile(dir, importId, run, 'hashes');
  const spill = await DuplicateSpill.create(hashes, size);
  try {
    const rejects = rejectRecorder(deps, input);
    let records = 0;
    for await (const rows of readRecords(createReadStream(path, { highWaterMark: 256 * 1024 }), input.dialect)) {
      for (const row of rows) {
        const judged = input.judge(row);
        if ('patch' in judged) {
          writer.valid({ record: records, start: row.start, end: row.end, line: row.line }, judged.patch);
          spill.add(judged.patch.email, records);
        } else {
          writer.rejected();
          rejects.push(judged.reject);
        }
        records += 1;
      }
      await writer.drain();
      await spill.drain();
      await rejects.flush(REJECTS_AT_ONCE);
      input.progress(rows.at(-1)?.end ?? 0, records);
      await breath();
    }
    await rejects.flush(1);
    await requireWhole(path, size);
    const losers = await spill.losers(records, input.options.duplicates, breath);
    input.progress(size, records);
    await writer.finish(losers);
    return { records, chunks: writer.chunks };
  } finally {
    await Promise.all([writer.close(), spill.close()]);
    await rm(hashes, { force: true });
  }
}

/** @throws ImportFailure unless the file has the size that was uploaded. */
export async function requireWhole(path: string, size: number): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw isMissing(error) ? fileMissing() : error;
  });
  if (found.size !== size) throw fileTruncated();
}

/** A turn for the lanes and everything else in this process. */
const breath = () => new Promise<void>((resolve) => setImmediate(resolve));

function rejectRecorder(deps: Deps, input: ScanInput) {
  let waiting: NewImportReject[] = [];
  let bytes = 0;
  return {
    push: (reject: NewImportReject) => {
      waiting.push(reject);
      bytes += (reject.raw?.length ?? 0) + reject.cells.reduce((n, cell) => n + cell.length, 0);
    },
    flush: async (atLeast: number) => {
      while (waiting.length > 0 && (waiting.length >= atLeast || bytes >= REJECT_BYTES)) {
        const some = waiting.slice(0, REJECTS_AT_ONCE);
        await input.steadily(() => inTransaction(deps.pool, (client) => recordImportRejects(client, input, some)));
        waiting = waiting.slice(REJECTS_AT_ONCE);
        if (waiting.length === 0) bytes = 0;
      }
    },
  };
}
