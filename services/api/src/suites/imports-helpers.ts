/** Imports over HTTP, as a client without any library makes them. */
import { expect } from 'vitest';
import type { HttpStack, Reply } from '../../../../tests/support/http.ts';
import { verdictOf } from './read.ts';

export type ImportJson = {
  id: string;
  status: string;
  size: number | null;
  received: number;
  sha256: string | null;
  records: number;
  done: number;
  counts: Record<string, number>;
  error?: { code: string; message: string };
  ended_at: string | null;
} & Record<string, unknown>;

export const importOf = (reply: Reply): ImportJson => reply.body.import as ImportJson;

let files = 0;
/** Contacts whose addresses no other test has, as CSV. */
export function csvOf(rows: number, header = 'Email,First Name,Phone'): string {
  files += 1;
  const lines = Array.from(
    { length: rows },
    (_, i) => `row${i}-file${files}-${process.pid}@imports.example,Ada ${i},+49 170 ${1_000_000 + i}`,
  );
  return `${[header, ...lines].join('\r\n')}\r\n`;
}

export async function created(stack: HttpStack, fields: Record<string, unknown> = {}): Promise<{ id: string; put: string; tus: string }> {
  const reply = await stack.post('imports.create', { file_name: 'contacts.csv', ...fields });
  expect(verdictOf(reply)).toBe('201');
  return { id: importOf(reply).id, put: String(reply.body.upload_url), tus: String(reply.body.tus_url) };
}

type Body = string | Uint8Array | ReadableStream<Uint8Array>;

/** Sends bytes to a URL that the API answered with. */
export async function send(
  stack: HttpStack,
  method: string,
  url: string,
  body?: Body,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${stack.stack.devKey}`, ...headers },
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  } as RequestInit);
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
  return { status: response.status, headers: response.headers, body: json ? (JSON.parse(text) as Record<string, unknown>) : {}, text };
}

/** An import whose file has been uploaded. */
export async function uploaded(stack: HttpStack, text: string | Uint8Array): Promise<string> {
  const { id, put } = await created(stack);
  const reply = await send(stack, 'PUT', put, text);
  expect(verdictOf(reply)).toBe('200');
  expect(importOf(reply).status).toBe('uploaded');
  return id;
}

/** The import once it has ended. */
export async function ended(stack: HttpStack, id: string): Promise<ImportJson> {
  for (const until = Date.now() + 30_000; Date.now() < until; ) {
    const row = importOf(await stack.get('imports.get', { id }));
    if (row.ended_at !== null) return row;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the import does not end');
}
