/**
 * One import, from wherever it is: not there ─create─▶ uploading ─upload─▶ uploaded ─start─▶ running ─watch─▶ ended. Where it is comes from
 * the API; which import it is, from the memory of earlier runs.
 */
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiClient, type Import, importAnswer, type Preview, previewAnswer } from './api.ts';
import { ApiError, ClientError } from './errors.ts';
import type { Options } from './options.ts';
import type { Screen } from './progress.ts';
import { bytes, countLines, mappingLines, number, seconds } from './show.ts';
import { fingerprintOf, Memory } from './state.ts';
import { sha256Of, uploadFile } from './upload.ts';

const POLL_MS = 500;

/** Ctrl-C; the message says how to go on. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

type Run = { options: Options; api: ApiClient; screen: Screen; signal: AbortSignal; memory: Memory; fingerprint: string; size: number };

/** @returns the exit code */
export async function runImport(options: Options, api: ApiClient, screen: Screen, signal: AbortSignal): Promise<number> {
  const { size } = await stat(options.file).catch(() => {
    throw new ClientError(`There is no file ${options.file}, or it cannot be read.`);
  });
  const fingerprint = await fingerprintOf(options.url, options.file);
  const run: Run = { options, api, screen, signal, size, fingerprint, memory: new Memory(options.statePath) };
  let state = (await remembered(run)) ?? (await begin(run));
  if (state.import.status === 'uploading') state = await upload(run, state);
  if (state.import.status === 'uploaded' && !(await start(run, state.import.id))) return 0;
  return watch(run, state.import.id);
}

type State = { import: Import; tus_url?: string | undefined };

/** The import that an earlier run began for this file, if it can still become something. */
async function remembered({ api, memory, fingerprint, screen }: Run): Promise<State | null> {
  const id = await memory.recall(fingerprint);
  if (id === null) return null;
  try {
    const found = await api.get('imports.get', { id }, importAnswer);
    if (found.import.ended_at === null) {
      screen.line(`Going on with import ${id}.`);
      return { ...found, tus_url: `${api.url}/api/imports.tus?id=${id}` };
    }
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
  await memory.forget(fingerprint);
  return null;
}

async function begin({ options, api, screen, signal, memory, fingerprint, size }: Run): Promise<State> {
  const sha256 = await sha256Of(options.file, signal);
  const body = { file_name: basename(options.file), size, sha256, force: options.force };
  const state = await api.post('imports.create', body, importAnswer);
  const { id, status, created_at } = state.import;
  if (status === 'completed')
    screen.line(`The same file was imported before (${created_at.slice(0, 10)}, import ${id}); --force imports it again.`);
  else await memory.remember(fingerprint, id);
  return state;
}

async function upload({ options, api, screen, signal, size }: Run, state: State): Promise<State> {
  if (state.tus_url === undefined) throw new ClientError('The API does not say where to send the file; is it older than this program?');
  const progress = screen.progress('Sending');
  const startedAt = performance.now();
  let from = -1;
  let at = 0;
  try {
    await uploadFile(api, state.tus_url, options.file, (offset) => {
      if (from < 0) from = offset;
      at = offset;
      const rate = (offset - from) / Math.max(0.001, (performance.now() - startedAt) / 1_000);
      const left = rate > 0 ? `  ${seconds((size - offset) / rate)} left` : '';
      progress.move(offset, size, `${bytes(offset)} of ${bytes(size)}  ${bytes(Math.round(rate))}/s${offset < size ? left : ''}`);
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Interrupted(`Stopped; ${bytes(at)} of ${bytes(size)} are there. Run the same command again to send the rest.`);
  } finally {
    progress.done();
  }
  return api.get('imports.get', { id: state.import.id }, importAnswer);
}

/** False when it was only to be shown. */
async function start({ options, api, screen, signal, memory, fingerprint }: Run, id: string): Promise<boolean> {
  const preview = await api.get('imports.preview', { id }, previewAnswer);
  const mapping = { ...suggestions(preview), ...options.map };
  screen.line(`${preview.encoding}, delimiter ${JSON.stringify(preview.delimiter)}, ${preview.header ? 'with' : 'without'} a header:`);
  for (const line of mappingLines(preview, mapping)) screen.line(line);
  for (const warning of preview.warnings) screen.line(`  ! ${warning.message}`);
  if (options.preview) {
    screen.line('Run it without --preview to start the import; --map NUMBER=FIELD changes the mapping.');
    return false;
  }
  try {
    const body = {
      ...{ id, mapping, list_ids: options.lists, empty_cells: options.empty, duplicates: options.duplicates },
      ...{ default_country: options.country, column_formats: options.formats, dry_run: options.dryRun, force: options.force },
    };
    const started = await api.post('imports.start', body, importAnswer);
    if (started.import.id !== id) {
      await memory.forget(fingerprint);
      screen.line(`The same file was imported before (import ${started.import.id}); --force imports it again.`);
      return false;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Interrupted('Stopped. The file is there; run the same command again to start the import.');
  }
  screen.line(`Import ${id} runs${options.dryRun ? ', as a dry run' : ''}; it goes on by itself, with this window or without.`);
  return true;
}

const suggestions = (preview: Preview) => Object.fromEntries(preview.columns.map((c) => [String(c.index), c.suggestion]));

async function watch(run: Run, id: string): Promise<number> {
  const { api, screen, signal } = run;
  let progress: ReturnType<Screen['progress']> | null = null;
  let phase: Import['phase'] = null;
  try {
    for (;;) {
      const { import: row } = await api.get('imports.get', { id }, importAnswer);
      if (row.phase !== null && (progress === null || row.phase !== phase)) {
        if (phase === 'scan' && row.size !== null) progress?.move(row.size, row.size, `${number(row.records)} rows`);
        progress?.done();
        progress = screen.progress(row.phase === 'scan' ? 'Reading' : 'Importing');
        phase = row.phase;
      }
      if (row.phase === 'scan') progress?.move(row.scanned, row.size ?? row.scanned, `${number(row.records)} rows`);
      else if (row.phase === 'apply') progress?.move(row.done, row.records, noteOf(row));
      if (row.ended_at !== null) {
        progress?.done();
        return await report(run, row);
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    progress?.done();
    if (!signal.aborted) throw error;
    const cancel = `curl -X POST -H "Authorization: Bearer $MUSTER_API_KEY" -H 'Content-Type: application/json' -d '{"id":"${id}"}' ${api.url}/api/imports.cancel`;
    throw new Interrupted(`The import goes on without this program. Run the same command again to watch it, or cancel it:\n  ${cancel}`);
  }
}

function noteOf({ done, records, rate, eta_seconds, status, counts }: Import): string {
  const pace = rate === null ? '' : `  ${number(Math.round(rate))} rows/s`;
  const left = eta_seconds === null || done >= records ? '' : `  ${seconds(eta_seconds)} left`;
  const bad = counts.rejected > 0 ? `  ${number(counts.rejected)} rejected` : '';
  return `${number(done)} of ${number(records)} rows${pace}${left}${bad}${status === 'paused' ? '  (paused)' : ''}`;
}

async function report({ options, api, screen, memory, fingerprint }: Run, row: Import): Promise<number> {
  await memory.forget(fingerprint);
  screen.line(`Import ${row.id} is ${row.status}${row.dry_run ? ' (a dry run: nothing was changed)' : ''}.`);
  if (row.error) screen.line(`  ${row.error.message}`);
  for (const line of countLines(row)) screen.line(line);
  if (row.counts.rejected > 0) {
    const url = `${api.url}/api/imports.rejects?id=${row.id}`;
    if (options.rejects === undefined) {
      screen.line('The rejected rows, with the reasons:');
      screen.line(`  curl -H "Authorization: Bearer $MUSTER_API_KEY" '${url}' -o rejects.csv`);
    } else {
      const { body } = await api.send(url);
      if (body) await pipeline(Readable.fromWeb(body), createWriteStream(options.rejects));
      screen.line(`The rejected rows, with the reasons, are in ${options.rejects}.`);
    }
  }
  return row.status === 'completed' ? 0 : 1;
}
