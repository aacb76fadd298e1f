/** Muster's public API as typed calls, for load tests, the demonstration and anything else that speaks to a running instance. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  type Balance,
  type BatchAnswer,
  balance,
  batchAnswer,
  type ContactAnswer,
  type CustomEventAnswer,
  contactAnswer,
  customEvent,
  errorAnswer,
  type Job,
  job,
  type ListAnswer,
  list,
  type Rejection,
  rejection,
  type SegmentAnswer,
  segment,
  type TimelineEntry,
  timelineEntry,
  type UpsertAnswer,
  upsertAnswer,
} from './answers.ts';
import { HttpConnection, type HttpOptions, type HttpStats } from './http.ts';

/** An answer that is neither 2xx nor "later". `code` is stable, see the API's documentation. */
export class ApiCallError extends Error {
  override readonly name = 'ApiCallError';
  readonly status: number;
  readonly code: string;
  readonly body: string;

  constructor(path: string, status: number, body: string) {
    const parsed = errorAnswer.safeParse(parseJson(body));
    const error = parsed.success ? parsed.data.error : { code: 'unreadable', message: body.slice(0, 200) };
    super(`${path} answered ${status} ${error.code}: ${error.message}`);
    this.status = status;
    this.code = error.code;
    this.body = body;
  }
}

export type WriteOptions = {
  /** Seconds to wait for the effect in both databases (`Prefer: wait`). */
  wait?: number;
  /** Default: a new one for each call, kept when the request is repeated. null = none: a request whose answer was lost may count twice. */
  idempotencyKey?: string | null;
};

/** Calls that take many items and may be given a body that was built as text. */
export type BatchPath = '/api/contacts.import' | '/api/timeline.ingest';

export type ContactImport = {
  contacts: readonly unknown[];
  list_ids?: readonly string[];
  confirmed?: boolean;
  identify_by?: 'email' | 'external_id';
};

export type ClientStats = HttpStats & {
  /** Items in requests that were sent more than once: an upper bound of what may have been queued twice and counted as duplicate. */
  itemsSentAgain: number;
};

type Page<T> = { items: T[]; next: string | undefined };
type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

const page = <K extends string, T extends z.ZodType>(name: K, item: T) =>
  z.looseObject({ next_cursor: z.string().optional() }).and(z.object({ [name]: z.array(item) } as Record<K, z.ZodArray<T>>));

const timelinePage = page('timeline', timelineEntry);
const customEventPage = page('events', customEvent);
const rejectionPage = page('rejections', rejection);
const contactBody = z.object({ contact: contactAnswer });
const countBody = z.object({ count: z.number().int() });
const listBody = z.object({ list });
const segmentBody = z.object({ segment });
const previewBody = z.object({ total_count: z.number().int() });
const memberPage = page('contacts', contactAnswer);
const jobBody = z.object({ job });
const balanceBody = z.object({ balance });

export class MusterClient {
  readonly #http: HttpConnection;
  #itemsSentAgain = 0;

  constructor(options: HttpOptions) {
    this.#http = new HttpConnection(options);
  }

  get stats(): ClientStats {
    return { ...this.#http.stats, later: { ...this.#http.stats.later }, itemsSentAgain: this.#itemsSentAgain };
  }

  close(): void {
    this.#http.close();
  }

  upsertContact(body: unknown, options?: WriteOptions): Promise<UpsertAnswer> {
    return this.#post('/api/contacts.upsert', JSON.stringify(body), 1, upsertAnswer, options);
  }

  importContacts(body: ContactImport, options?: WriteOptions): Promise<BatchAnswer> {
    return this.#post('/api/contacts.import', JSON.stringify(body), body.contacts.length, batchAnswer, options);
  }

  ingest(events: readonly unknown[], options?: WriteOptions): Promise<BatchAnswer> {
    return this.#post('/api/timeline.ingest', JSON.stringify({ events }), events.length, batchAnswer, options);
  }

  /** The same as NDJSON, line by line as given. */
  ingestLines(lines: readonly string[], options?: WriteOptions): Promise<BatchAnswer> {
    const type = 'application/x-ndjson';
    return this.#post('/api/timeline.ingest', lines.join('\n'), lines.length, batchAnswer, options, type);
  }

  /** A body as text, for producers that must not spend time on building objects; `items` is how many are in it. */
  sendBatch(path: BatchPath, body: string, items: number, options?: WriteOptions): Promise<BatchAnswer> {
    return this.#post(path, body, items, batchAnswer, options);
  }

  /** The same for one contact. */
  sendUpsert(body: string, options?: WriteOptions): Promise<UpsertAnswer> {
    return this.#post('/api/contacts.upsert', body, 1, upsertAnswer, options);
  }

  upsertCustomEvent(event: unknown, options?: WriteOptions): Promise<BatchAnswer> {
    return this.#post('/api/customEvents.upsert', JSON.stringify(event), 1, batchAnswer, options);
  }

  importCustomEvents(events: readonly unknown[], options?: WriteOptions): Promise<BatchAnswer> {
    return this.#post('/api/customEvents.import', JSON.stringify({ events }), events.length, batchAnswer, options);
  }

  async createList(input: { id: string; name: string; is_double_optin?: boolean }): Promise<ListAnswer> {
    return (await this.#post('/api/lists.create', JSON.stringify(input), 0, listBody)).list;
  }

  async getList(id: string): Promise<ListAnswer | null> {
    return (await this.#find('/api/lists.get', { id }, listBody))?.list ?? null;
  }

  /** Makes the segment, or gives one that is there this name and tree. It is built in the background. */
  async putSegment(input: { id: string; name: string; tree: unknown }): Promise<SegmentAnswer> {
    const call = (await this.getSegment(input.id)) === null ? 'create' : 'update';
    return (await this.#post(`/api/segments.${call}`, JSON.stringify(input), 0, segmentBody)).segment;
  }

  async rebuildSegment(id: string): Promise<SegmentAnswer> {
    return (await this.#post('/api/segments.rebuild', JSON.stringify({ id }), 0, segmentBody)).segment;
  }

  async getSegment(id: string): Promise<SegmentAnswer | null> {
    return (await this.#find('/api/segments.get', { id }, segmentBody))?.segment ?? null;
  }

  /** How many contacts match the tree now, computed for this answer. */
  async previewSegment(tree: unknown): Promise<number> {
    return (await this.#post('/api/segments.preview', JSON.stringify({ tree, limit: 1 }), 0, previewBody)).total_count;
  }

  /** By contact id; the pages show one moment. */
  segmentMembers(id: string): AsyncGenerator<ContactAnswer> {
    const query = { segment_id: id, limit: 100 };
    return this.#pages(query, async (q) => toPage(await this.#get('/api/segments.contacts', q, memberPage), 'contacts'));
  }

  async getContact(email: string): Promise<ContactAnswer | null> {
    return (await this.#find('/api/contacts.getByEmail', { email }, contactBody))?.contact ?? null;
  }

  /** How many contacts match; `email` is a substring. The mirror behind it may lag writes by up to two seconds. */
  async countContacts(filter: { email?: string; list_id?: string; list_status?: string }): Promise<number> {
    return (await this.#get('/api/contacts.count', filter, countBody)).count;
  }

  async getJob(id: string): Promise<Job> {
    return (await this.#get('/api/jobs.get', { id }, jobBody)).job;
  }

  async balance(): Promise<Balance> {
    return (await this.#get('/api/balance.get', {}, balanceBody)).balance;
  }

  /** Newest first. */
  timeline(email: string, options: { kinds?: readonly string[]; limit?: number } = {}): AsyncGenerator<TimelineEntry> {
    const query = { email, limit: options.limit ?? 100, 'kinds[]': options.kinds };
    return this.#pages(query, async (q) => toPage(await this.#get('/api/timeline.list', q, timelinePage), 'timeline'));
  }

  /** Newest first; none when there is no such contact. */
  customEvents(email: string, eventName?: string): AsyncGenerator<CustomEventAnswer> {
    const query = { email, limit: 100, event_name: eventName };
    return this.#pages(query, async (q) => {
      const found = await this.#find('/api/customEvents.list', q, customEventPage);
      return found === null ? { items: [], next: undefined } : toPage(found, 'events');
    });
  }

  /** Newest first. */
  rejections(options: { limit?: number } = {}): AsyncGenerator<Rejection> {
    const query = { limit: options.limit ?? 100 };
    return this.#pages(query, async (q) => toPage(await this.#get('/api/rejections.list', q, rejectionPage), 'rejections'));
  }

  async *#pages<T>(query: Query, read: (query: Query) => Promise<Page<T>>): AsyncGenerator<T> {
    for (let cursor: string | undefined; ; ) {
      const { items, next } = await read({ ...query, cursor });
      yield* items;
      if (next === undefined) return;
      cursor = next;
    }
  }

  async #post<T extends z.ZodType>(
    path: string,
    body: string,
    items: number,
    schema: T,
    options: WriteOptions = {},
    contentType = 'application/json',
  ): Promise<z.infer<T>> {
    const headers: Record<string, string> = { 'content-type': contentType };
    if (options.idempotencyKey !== null) headers['idempotency-key'] = options.idempotencyKey ?? randomUUID();
    if (options.wait !== undefined) headers.prefer = `wait=${options.wait}`;
    let again = false;
    const sent = await this.#http.exchange('POST', path, body, headers, () => {
      if (!again) this.#itemsSentAgain += items;
      again = true;
    });
    return read(path, sent.status, sent.text, schema);
  }

  async #get<T extends z.ZodType>(path: string, query: Query, schema: T): Promise<z.infer<T>> {
    const { status, text } = await this.#http.exchange('GET', withQuery(path, query), null, {});
    return read(path, status, text, schema);
  }

  async #find<T extends z.ZodType>(path: string, query: Query, schema: T): Promise<z.infer<T> | null> {
    try {
      return await this.#get(path, query, schema);
    } catch (error) {
      if (error instanceof ApiCallError && error.status === 404) return null;
      throw error;
    }
  }
}

function toPage<K extends string, T>(body: Record<K, T[]> & { next_cursor?: string | undefined }, name: K): Page<T> {
  return { items: body[name], next: body.next_cursor };
}

function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === 'string' || typeof value === 'number') search.append(name, String(value));
    else for (const one of value) search.append(name, one);
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

function read<T extends z.ZodType>(path: string, status: number, text: string, schema: T): z.infer<T> {
  if (status < 200 || status > 299) throw new ApiCallError(path, status, text);
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw new Error(`${path} answered ${status} with a body of another shape: ${first?.path.join('.') ?? ''} ${first?.message ?? ''}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller reports the answer as unreadable, with its status.
    return undefined;
  }
}
