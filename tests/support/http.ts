/** Talks to a running stack over HTTP, as a producer does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalStack, startStack } from '@muster/embedded';
import { createKey, createPool, createWorkspace, type Pool, type Scope } from '@muster/postgres';

export type Reply = { status: number; headers: Headers; body: Record<string, unknown>; text: string };
export type CallOptions = { key?: string | null; headers?: Record<string, string>; method?: string };

export type HttpStack = {
  stack: LocalStack;
  /** Data directory of the stack. */
  dir: string;
  pool: Pool;
  /** POST of a JSON value, or of bytes or text as they are. */
  post: (call: string, body: unknown, options?: CallOptions) => Promise<Reply>;
  get: (call: string, query?: Record<string, string | number>, options?: CallOptions) => Promise<Reply>;
  /** A key with these scopes, in a workspace of that name (made when missing). */
  key: (scopes: readonly Scope[], workspace?: string, rateLimit?: number) => Promise<string>;
  close: () => Promise<void>;
};

/** Starts stores, an API and a worker. */
export async function startHttpStack(env: Record<string, string> = {}): Promise<HttpStack> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-http-'));
  const stack = await startStack({ dataDir: dir, services: ['api', 'worker'], env });
  const pool = createPool(stack.stores.postgresUrl, { max: 4, role: 'admin', onError: () => undefined });

  const send = async (path: string, init: RequestInit, options: CallOptions): Promise<Reply> => {
    const headers = new Headers(options.headers);
    const key = options.key === undefined ? stack.devKey : options.key;
    if (key !== null && !headers.has('authorization')) headers.set('authorization', `Bearer ${key}`);
    if (init.body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
    const response = await fetch(`${stack.apiUrl}${path}`, { ...init, headers });
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json') ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: response.status, headers: response.headers, body: json, text };
  };
  return {
    stack,
    dir,
    pool,
    post: (call, body, options = {}) => {
      const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      return send(`/api/${call}`, { method: options.method ?? 'POST', body: raw }, options);
    },
    get: (call, query = {}, options = {}) => {
      const text = new URLSearchParams(Object.entries(query).map(([k, v]): [string, string] => [k, String(v)])).toString();
      return send(call.startsWith('/') ? call : `/api/${call}?${text}`, { method: options.method ?? 'GET' }, options);
    },
    key: async (scopes, workspace = 'demo', rateLimit) => {
      await createWorkspace(pool, { name: workspace, timezone: 'UTC', country: null });
      const { rows } = await pool.query<{ workspace_id: number }>('SELECT workspace_id FROM workspaces WHERE name = $1', [workspace]);
      const workspaceId = rows[0]?.workspace_id ?? 0;
      return (await createKey(pool, { workspaceId, name: 'test', scopes, rateLimit: rateLimit ?? null })).key;
    },
    close: async () => {
      await pool.end();
      await stack.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
