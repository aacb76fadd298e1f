/**
 * A stack with workers, and imports in it as the API makes them: a file in the folder, its row, its start. What is expected is written
 * down by each test.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { detectFormats, type ImportOptions, type Mapping, mergeFormats, sniff, suggestedMapping, suggestMapping } from '@muster/csv';
import { uuidv7 } from '@muster/domain';
import {
  createImport,
  createList,
  createWorkspace,
  findImport,
  type ImportReject,
  type ImportRow,
  markUploaded,
  type Pool,
  pageRejects,
  startImport,
} from '@muster/postgres';
import { ImportRequests, importFile } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import { expect } from 'vitest';
import { type Pipeline, type PipelineOptions, startPipeline, until } from '../support/pipeline.ts';

export type ImportSettings = Partial<ImportOptions> & {
  listIds?: readonly string[];
  dryRun?: boolean;
  mapping?: Mapping;
  force?: boolean;
  /** Redis time of the start; default: now. */
  acceptedAt?: number;
};

export type ImportStack = {
  pipeline: Pipeline;
  open: () => Promise<Importer>;
  /** The workspace of the stack's key. */
  demo: () => Importer;
  close: () => Promise<void>;
};

export async function startImportStack(options: PipelineOptions = {}): Promise<ImportStack> {
  const pipeline = await startPipeline(options);
  const requests = new ImportRequests(pipeline.redis);
  let opened = 0;
  return {
    pipeline,
    open: async () => {
      opened += 1;
      const workspace = await createWorkspace(pipeline.pool, { name: `importer-${opened}`, timezone: 'UTC', country: null });
      if (!workspace) throw new Error('the workspace exists');
      return new Importer(pipeline, requests, workspace.workspaceId);
    },
    demo: () => new Importer(pipeline, requests, pipeline.workspaceId),
    close: async () => {
      await requests.close();
      await pipeline.close();
    },
  };
}

/** One workspace and its imports. */
export class Importer {
  readonly id: number;
  readonly #pipeline: Pipeline;
  readonly #requests: ImportRequests;

  constructor(pipeline: Pipeline, requests: ImportRequests, id: number) {
    this.#pipeline = pipeline;
    this.#requests = requests;
    this.id = id;
  }

  get pool(): Pool {
    return this.#pipeline.pool;
  }

  get dir(): string {
    return this.#pipeline.stack.env.MUSTER_IMPORT_DIR ?? '';
  }

  /** Files that are there for an import. */
  files(importId: string): string[] {
    return readdirSync(this.dir).filter((name) => name.startsWith(importId));
  }

  async upload(file: string | Buffer): Promise<string> {
    const bytes = Buffer.from(file);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const importId = uuidv7();
    await createImport(this.pool, { importId, workspaceId: this.id, fileName: 'people.csv', size: null, sha256: null, createdBy: null });
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(importFile(this.dir, importId), bytes);
    const sniffed = sniff(bytes.subarray(0, 256 * 1024), { complete: bytes.length <= 256 * 1024 });
    if (!sniffed.ok) throw new Error(sniffed.fault.code);
    expect(await markUploaded(this.pool, importId, { size: bytes.length, sha256, dialect: sniffed.dialect })).not.toBeNull();
    return importId;
  }

  async start(importId: string, file: string | Buffer, settings: ImportSettings = {}): Promise<void> {
    const { listIds = [], dryRun = false, mapping, force = false, acceptedAt, ...options } = settings;
    const bytes = Buffer.from(file);
    const sniffed = sniff(bytes.subarray(0, 256 * 1024), { complete: bytes.length <= 256 * 1024 });
    if (!sniffed.ok) throw new Error(sniffed.fault.code);
    const cells = sniffed.rows.flatMap((row) => (row.fault ? [] : [row.cells]));
    const samples = sniffed.headers.map((_, column) => cells.flatMap((row) => row[column] ?? []));
    const started = await startImport(this.pool, {
      workspaceId: this.id,
      importId,
      mapping: mapping ?? suggestedMapping(suggestMapping(sniffed.headers, cells)),
      options: {
        ...{ empty_cells: 'keep', duplicates: 'last', default_country: null, timezone: 'UTC', ...options },
        column_formats: mergeFormats(detectFormats(samples), options.column_formats ?? {}),
      },
      listIds,
      dryRun,
      acceptedAt: acceptedAt ?? (await redisMicros(this.#pipeline.redis)),
      force,
    });
    expect(started.outcome).toBe('started');
    await this.ask(importId);
  }

  /** Uploads and starts. */
  async begin(file: string | Buffer, settings: ImportSettings = {}): Promise<string> {
    const importId = await this.upload(file);
    await this.start(importId, file, settings);
    return importId;
  }

  /** Over HTTP, in the workspace of the stack's key: creates, sends and starts it. */
  async send(file: string): Promise<string> {
    const { id } = await this.#call('imports.create', { file_name: 'people.csv' });
    await this.#http(`imports.upload?id=${id}`, { method: 'PUT', body: file });
    await this.#call('imports.start', { id });
    return id;
  }

  /** Rows done, as the API says once it answers. */
  progress(importId: string): Promise<number> {
    return until('an answer', async () => (await this.#http(`imports.get?id=${importId}`)).done, 20_000);
  }

  #call(call: string, body: unknown) {
    return this.#http(call, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  }

  async #http(path: string, { headers, ...init }: { method?: string; body?: string; headers?: Record<string, string> } = {}) {
    const { apiUrl, devKey } = this.#pipeline.stack;
    const answer = await fetch(`${apiUrl}/api/${path}`, { ...init, headers: { ...headers, authorization: `Bearer ${devKey}` } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return (JSON.parse(text) as { import: { id: string; done: number } }).import;
  }

  /** Asks the workers to look at it. */
  async ask(importId: string): Promise<void> {
    await this.#requests.request(this.id, importId);
  }

  async get(importId: string): Promise<ImportRow> {
    const row = await findImport(this.pool, this.id, importId);
    if (!row) throw new Error('there is no such import');
    return row;
  }

  ended(importId: string, withinMs = 20_000): Promise<ImportRow> {
    return until(
      `import ended`,
      async () => {
        const row = await this.get(importId);
        return row.ended_at === null ? null : row;
      },
      withinMs,
    );
  }

  /** Runs a file to its end. */
  async run(file: string | Buffer, settings: ImportSettings = {}, withinMs?: number): Promise<ImportRow> {
    return this.ended(await this.begin(file, settings), withinMs);
  }

  rejects(importId: string): Promise<ImportReject[]> {
    return pageRejects(this.pool, this.id, importId, { afterLine: 0, limit: 1_000 });
  }

  /** Line and code of every rejected row. */
  async refused(importId: string): Promise<string[]> {
    return (await this.rejects(importId)).map((r) => `${r.line} ${r.code}`);
  }

  /** Fields of every contact by email. */
  async contacts(): Promise<Record<string, Record<string, unknown>>> {
    const { rows } = await this.pool.query<{ email: string; fields: Record<string, unknown> }>(
      'SELECT email, fields FROM contacts WHERE workspace_id = $1 ORDER BY email',
      [this.id],
    );
    return Object.fromEntries(rows.map((r) => [r.email, r.fields]));
  }

  async list(id: string): Promise<void> {
    await createList(this.pool, this.id, { id, name: id, description: '', is_double_optin: false, is_public: false });
  }

  /** Items that the ledger accounts for, of this workspace: each record of an import that was applied is one of them, once. */
  async ledgerItems(): Promise<number> {
    const { rows } = await this.pool.query<{ n: string | null }>('SELECT sum(items) AS n FROM job_ledger WHERE workspace_id = $1', [
      this.id,
    ]);
    return Number(rows[0]?.n ?? 0);
  }

  /** Entries of the timeline by kind, counted in ClickHouse once everything is delivered. */
  async entries(): Promise<Record<string, number>> {
    const result = await this.#pipeline.clickhouse.query({
      query: `SELECT kind, toUInt32(count()) AS n FROM timeline_by_contact FINAL WHERE workspace_id = {ws:UInt32} GROUP BY kind ORDER BY kind`,
      query_params: { ws: this.id },
      format: 'JSONEachRow',
    });
    return Object.fromEntries((await result.json<{ kind: string; n: number }>()).map((r) => [r.kind, r.n]));
  }
}

/** Sums up: what a finished import must be. */
export function expectBalanced(row: ImportRow): void {
  const { created, updated, unchanged, rejected, duplicate } = row.counts;
  expect(row.done, 'done is the sum of the counts').toBe(created + updated + unchanged + rejected + duplicate);
  if (row.status === 'completed') expect(row.done, 'every record has an outcome').toBe(row.records);
}

export { until };
