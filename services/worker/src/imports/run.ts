/**
 * Runs one import as far as it goes, from wherever the last run left it:
 *
 *   lease → scan (from the start) → scratch files on the disk → `apply` noted → chunks → ended
 *
 * Every step may be repeated, by this process or another one. Errors of the stores are waited out; what cannot get better ends the
 * import as failed.
 */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { compileRow, dialectSchema, importOptionsSchema, mappingSchema } from '@muster/csv';
import { endImport, failImport, finishScan, type ImportRun, importsWithFiles, repeatScan, takeImport } from '@muster/postgres';
import { importFile } from '@muster/queues';
import { backoffMs, errorFields, sleep } from '@muster/runtime';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { isProgrammingError } from '../poison.ts';
import { type ApplyInput, applyChunks } from './apply.ts';
import { rehearseChunks } from './dry-run.ts';
import { asFailure, ImportFailure, Interrupted, MadeWay, ScratchLost } from './failure.ts';
import { removeFiles, removeScratch } from './files.ts';
import { withSmallHeap } from './heap.ts';
import { createJudge } from './judge.ts';
import { LEASE_SECONDS, Lease } from './lease.ts';
import { requireWhole, scanFile } from './scan.ts';
import { ScratchReader } from './scratch.ts';

/** A lease that somebody holds is waited for so long; then the sweep takes care. */
const WAIT_FOR_LEASE_MS = 10_000;
/** What looks like a bug of ours can be a broken connection, once or twice. */
const PROGRAMMING_ERRORS = 5;

/** Returns when there is nothing to do for the import any more, or not here. @throws Interrupted when the process stops, or it makes way */
export async function runImport(deps: Deps, importId: string): Promise<void> {
  const holder = randomUUID();
  const waitUntil = Date.now() + WAIT_FOR_LEASE_MS;
  let bugs = 0;
  for (let attempt = 0; ; attempt += 1) {
    if (deps.stopping()) throw new Interrupted('the process stops');
    try {
      const taken = await takeImport(deps.pool, importId, holder, LEASE_SECONDS);
      if (taken === null) return;
      if (taken === 'behind') throw new MadeWay();
      if (taken === 'busy') {
        if (Date.now() > waitUntil) return;
        await sleep(250);
        continue;
      }
      return await runTaken(deps, taken, holder);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      if (isProgrammingError(error)) bugs += 1;
      deps.log.warn({ import: importId, attempt, ...errorFields(error) }, 'import does not go on yet, repeating');
      if (bugs >= PROGRAMMING_ERRORS && (await fail(deps, importId, holder, internal()))) return;
      await sleep(backoffMs(attempt, 100, 2_000));
    }
  }
}

const internal = () => new ImportFailure('internal', 'The import could not be processed; the log of the worker says why.');

async function runTaken(deps: Deps, taken: ImportRun, holder: string): Promise<void> {
  const lease = new Lease(deps, taken.import_id, holder, taken.status);
  lease.start();
  const started = Date.now();
  try {
    await withSmallHeap(() => advance(deps, taken, lease));
    deps.log.info({ import: taken.import_id, records: taken.records, seconds: (Date.now() - started) / 1_000 }, 'import run ended');
  } catch (error) {
    if (error instanceof ScratchLost) {
      await repeatScan(deps.pool, taken.import_id, holder);
      throw error;
    }
    const reason = asFailure(error);
    if (!(reason instanceof ImportFailure)) throw reason;
    deps.log.warn({ import: taken.import_id, code: reason.code }, 'import failed');
    await fail(deps, taken.import_id, holder, reason);
  } finally {
    await lease.release();
  }
}

async function fail(deps: Deps, importId: string, holder: string, { code, message }: ImportFailure): Promise<boolean> {
  const failed = await failImport(deps.pool, importId, holder, { code, message });
  if (failed) {
    deps.metrics.importFailures.inc({ code });
    await removeFiles(deps.config.MUSTER_IMPORT_DIR, importId);
  }
  return failed;
}

async function advance(deps: Deps, taken: ImportRun, lease: Lease): Promise<void> {
  const dir = deps.config.MUSTER_IMPORT_DIR;
  const importId = taken.import_id;
  // Nothing of it was begun: a cancelled import ends here.
  if (taken.status === 'cancelled' && taken.begun === 0) await endImport(deps.pool, importId);
  else await readAndApply(deps, taken, lease);
  // Of one that goes on later the files stay; whatever is missed here, the sweep finds.
  if ((await importsWithFiles(deps.pool, [importId])).get(importId) === 'ended') await removeFiles(dir, importId);
}

async function readAndApply(deps: Deps, taken: ImportRun, lease: Lease): Promise<void> {
  const dir = deps.config.MUSTER_IMPORT_DIR;
  const { mapping, options, dialect } = settingsOf(taken);
  const path = importFile(dir, taken.import_id);
  const found = taken.phase === 'apply' ? scannedBefore(taken) : await scan(deps, taken, lease, { mapping, options, dialect });
  if (!found) return;
  if (taken.size !== null) await requireWhole(path, taken.size);
  const scratch = await ScratchReader.open(dir, taken.import_id, found.run, found);
  const target = {
    importId: taken.import_id,
    workspaceId: taken.workspace_id,
    acceptedAt: taken.accepted_at,
    listIds: taken.list_ids,
  };
  const file = { path, dialect, compiled: compileRow(mapping, options) };
  const input: ApplyInput = { target, file, chunks: found.chunks, begun: taken.begun, scratch, lease };
  try {
    await (taken.dry_run ? rehearseChunks(deps, input) : applyChunks(deps, input));
  } finally {
    await scratch.close();
  }
}

type Settings = ReturnType<typeof settingsOf>;
type Found = { run: string; chunks: number; records: number };

function scannedBefore({ scan_run, chunks, records }: ImportRun): Found {
  if (scan_run === null || chunks === null) throw new ScratchLost('the scan left no trace');
  return { run: scan_run, chunks, records };
}

/** Null when the import was paused or cancelled meanwhile. */
async function scan(deps: Deps, taken: ImportRun, lease: Lease, { mapping, options, dialect }: Settings): Promise<Found | null> {
  const dir = deps.config.MUSTER_IMPORT_DIR;
  const run = randomUUID();
  await mkdir(dir, { recursive: true });
  await removeScratch(dir, taken.import_id, run);
  try {
    const found = await scanFile(deps, {
      ...{ importId: taken.import_id, workspaceId: taken.workspace_id, acceptedAt: taken.accepted_at, run, size: taken.size ?? 0 },
      ...{ dialect, options, judge: createJudge(mapping, options, deps.config.MUSTER_HASH_KEY) },
      progress: (scanned, records) => {
        lease.scanned(scanned, records);
        // Where scratch files were lost, chunks that were begun need the scan, also of an import that was stopped.
        if (taken.begun > taken.counted) lease.requireHeld();
        else lease.requireRunning();
      },
      steadily: (step) => steadily(deps, lease, step),
    });
    await deps.failpoints('imports.scanned');
    const noted = { scanRun: run, ...found, scanned: taken.size ?? 0 };
    if (!(await steadily(deps, lease, () => finishScan(deps.pool, taken.import_id, lease.holder, noted))))
      throw new Interrupted('the lease is lost');
    await deps.failpoints('imports.scan_noted');
    return { run, ...found };
  } catch (error) {
    await removeScratch(dir, taken.import_id, null, run);
    if (!(error instanceof Interrupted) || deps.stopping()) throw error;
    // A cancelled import ends; a paused one is read from the start when it goes on.
    await endImport(deps.pool, taken.import_id);
    return null;
  }
}

/** Repeats a step until the stores take it: a restart of theirs does not make the scan start over. */
async function steadily<T>(deps: Deps, lease: Lease, step: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      lease.requireHeld();
      if (isProgrammingError(error) || attempt >= 100) throw error;
      deps.log.debug({ import: lease.importId, ...errorFields(error) }, 'step of a scan not done yet, repeating');
      await sleep(backoffMs(attempt, 50, 1_000));
    }
  }
}

function settingsOf(taken: ImportRun) {
  const parsed = z
    .object({ mapping: mappingSchema, options: importOptionsSchema, dialect: dialectSchema })
    .safeParse({ mapping: taken.mapping, options: taken.options, dialect: taken.dialect });
  if (parsed.success) return parsed.data;
  throw new ImportFailure('unreadable_options', 'How the import was asked for cannot be read by this version; start it again.');
}
