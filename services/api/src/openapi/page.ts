/** /docs: a page for people, rendered once at start from the OpenAPI document. Self-contained: no script, no other host. */
import type { OpenApiDocument } from './document.ts';
import { STYLE } from './style.ts';
import { TREE_SECTION } from './tree-page.ts';

type Schema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  anyOf?: Schema[];
  default?: unknown;
};
type Media = { schema?: Schema; example?: unknown };
type Call = {
  operationId?: string;
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema }[];
  requestBody?: { content: Record<string, Media> };
  responses?: Record<string, { description: string; content?: Record<string, Media> }>;
};

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);
/** Escaped text with `code` in backticks. */
const prose = (text: string) => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? 'any';
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(' | ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' | ');
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'any'];
  return types.map((t) => (t === 'array' && schema.items ? `array of ${typeOf(schema.items)}` : t)).join(' | ');
}

/** Rows of a schema's properties; objects and arrays of objects are indented below their name. */
function propertyRows(schema: Schema, prefix = ''): string {
  return Object.entries(schema.properties ?? {})
    .map(([name, property]) => {
      const inner = property.items?.properties ? property.items : property;
      const path = `${prefix}${name}${property.items ? '[]' : ''}`;
      const required = schema.required?.includes(name) ? ' <span class="req">required</span>' : '';
      const row = `<tr><td><code>${escapeHtml(path)}</code>${required}</td><td>${escapeHtml(typeOf(property))}</td><td>${prose(property.description ?? '')}</td></tr>`;
      return row + (inner.properties ? propertyRows(inner, `${path}.`) : '');
    })
    .join('');
}

function table(title: string, rows: string): string {
  if (rows === '') return '';
  return `<details><summary>${title}</summary><table><thead><tr><th>Name</th><th>Type</th><th>Rule</th></tr></thead><tbody>${rows}</tbody></table></details>`;
}

function parameterRows(call: Call): string {
  return (call.parameters ?? [])
    .map((p) => {
      const where = p.in === 'header' ? ' <span class="where">header</span>' : '';
      const required = p.required ? ' <span class="req">required</span>' : '';
      const type = escapeHtml(typeOf(p.schema ?? {}));
      return `<tr><td><code>${escapeHtml(p.name)}</code>${where}${required}</td><td>${type}</td><td>${prose(p.description ?? '')}</td></tr>`;
    })
    .join('');
}

function exampleOf(method: string, path: string, call: Call): string {
  const auth = "-H 'Authorization: Bearer YOUR_KEY'";
  const example = call.requestBody?.content['application/json']?.example;
  if (method === 'get') {
    const query = (call.parameters ?? []).filter((p) => p.in === 'query' && (p.required || p.name === 'email' || p.name === 'limit'));
    const text = query.map(
      (p) => `${encodeURIComponent(p.name)}=${p.name === 'email' ? 'ada%40example.com' : p.name === 'limit' ? '10' : 'VALUE'}`,
    );
    return `curl ${auth} \\\n  'http://127.0.0.1:8080${path}${text.length > 0 ? `?${text.join('&')}` : ''}'`;
  }
  if (method !== 'post' || example === undefined) return fileExample(method, path, call);
  return `curl -X POST http://127.0.0.1:8080${path} \\\n  ${auth} -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(example ?? {})}'`;
}

/** Calls whose body is a file, or which have none: the uploads. */
function fileExample(method: string, path: string, call: Call): string {
  const tus = call.parameters?.some((p) => p.name === 'tus-resumable') ? " -H 'Tus-Resumable: 1.0.0'" : '';
  const body = call.requestBody ? ' \\\n  -T contacts.csv' : '';
  const verb = method === 'head' ? '-I' : `-X ${method.toUpperCase()}`;
  return `curl ${verb} -H 'Authorization: Bearer YOUR_KEY'${tus} \\\n  'http://127.0.0.1:8080${path}?id=IMPORT_ID'${body}`;
}

function renderCall(path: string, method: string, call: Call): string {
  const id = call.operationId ?? path;
  const body = call.requestBody?.content['application/json']?.schema;
  const answers = Object.entries(call.responses ?? {})
    .map(([status, answer]) => `<tr><td><code>${status}</code></td><td>${prose(answer.description)}</td></tr>`)
    .join('');
  const ok = Object.entries(call.responses ?? {}).filter(([status]) => status.startsWith('2'));
  return `<section id="${escapeHtml(id)}">
<h3><span class="verb ${method}">${method.toUpperCase()}</span> ${escapeHtml(path)}</h3>
<p>${prose(call.summary ?? '')}. ${prose(call.description ?? '')}</p>
<pre>${escapeHtml(exampleOf(method, path, call))}</pre>
${table('Parameters', parameterRows(call))}
${body ? table('Body', propertyRows(body)) : ''}
${ok.map(([status, answer]) => table(`Answer ${status}`, propertyRows(answer.content?.['application/json']?.schema ?? {}))).join('\n')}
<details><summary>Statuses and error codes</summary><table><tbody>${answers}</tbody></table></details>
</section>`;
}

/** The page of a document. */
export function renderDocs(document: OpenApiDocument): string {
  const calls = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Call>).map(([method, call]) => ({ path, method, call })),
  );
  const tags = [...new Set(calls.map((c) => c.call.tags?.[0] ?? ''))];
  const nav = tags
    .map((tag) => {
      const links = calls
        .filter((c) => c.call.tags?.[0] === tag)
        .map((c) => `<li><a href="#${escapeHtml(c.call.operationId ?? c.path)}">${escapeHtml(c.call.operationId ?? c.path)}</a></li>`);
      return `<h2>${escapeHtml(tag)}</h2><ul>${links.join('')}</ul>`;
    })
    .join('');
  const sections = tags
    .map((tag) => {
      const ofTag = calls.filter((c) => c.call.tags?.[0] === tag);
      const shared = tag === 'Segments' ? TREE_SECTION : '';
      return `<h2>${escapeHtml(tag)}</h2>${shared}${ofTag.map((c) => renderCall(c.path, c.method, c.call)).join('\n')}`;
    })
    .join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Muster API</title><style>${STYLE}</style></head>
<body><nav><h1>Muster API</h1><a href="/openapi.json">openapi.json</a>${nav}</nav>
<main><h1>Muster API</h1><p>${prose(document.info.description ?? '')}</p>${INTRODUCTION}${sections}</main></body></html>`;
}

const INTRODUCTION = `
<p>Send your key as <code>Authorization: Bearer KEY</code>, or as the user name of Basic authentication. Bodies are JSON, plain or compressed
with gzip, deflate or br; limits count inflated bytes. Times are RFC 3339 in UTC with milliseconds.</p>
<p>Writes are answered with <code>202</code> as soon as they are on disk in the queue. Send <code>Prefer: wait=10</code> to be answered with
<code>200</code> when their effect is in both databases. Send an <code>Idempotency-Key</code> to repeat a request safely.</p>
<p>An error is <code>{"error": {"code", "message", "details"?}}</code>. Codes are stable. <code>429</code> and <code>503</code> say in
<code>Retry-After</code> when to come back. Every answer has an <code>X-Request-Id</code>; send your own to find a request in the logs.</p>`;
