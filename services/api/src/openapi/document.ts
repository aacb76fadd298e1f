/** /openapi.json, generated from the schemas of {@link OPERATIONS}. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { ERRORS } from '../http/errors.ts';
import type { Operation } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import { errorSchema } from './responses.ts';
import { TREE_COMPONENT, treeComponent } from './tree-schema.ts';

const preferHeader = z.object({
  prefer: z.string().optional().describe('`wait=SECONDS`, 1 to 30: answer when the effect is in both databases'),
  'idempotency-key': z.string().optional().describe('The same request sent again under the same key counts once'),
});

function describeErrors(status: number): string {
  const codes = Object.entries(ERRORS)
    .filter(([, [s]]) => s === status)
    .map(([code]) => `\`${code}\``);
  if (status === 409) codes.push('`external_id_taken`', '`email_taken`', '`external_id_mismatch`');
  return codes.join(', ');
}

function responsesOf(operation: Operation) {
  const answers = Object.entries(operation.answers).map(([status, [description, schema, type = 'application/json']]) => [
    status,
    schema === null ? { description } : { description, content: { [type]: { schema } } },
  ]);
  const errors = [...operation.errors, 500].map((status) => [
    String(status),
    { description: describeErrors(status), content: { 'application/json': { schema: errorSchema } } },
  ]);
  return Object.fromEntries([...answers, ...errors]);
}

/** The name of the call; where one path takes several methods, with the method. */
function operationId({ path, method }: Operation): string {
  const name = path.slice('/api/'.length);
  return OPERATIONS.some((o) => o.path === path && o.method !== method) ? `${name}.${method}` : name;
}

/** The document; built once at start. */
export function openApiDocument() {
  const builder = new OpenAPIHono();
  builder.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  builder.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' });
  for (const operation of OPERATIONS) {
    const takesItems = operation.answers[202] !== undefined && operation.answers[200] !== undefined && operation.waits !== false;
    builder.openAPIRegistry.registerPath({
      method: operation.method,
      path: operation.path,
      operationId: operationId(operation),
      tags: [operation.tag],
      summary: operation.summary,
      description: `Scope: ${operation.scopes}.`,
      security: [{ key: [] }, { basic: [] }],
      request: {
        ...(operation.query ? { query: operation.query } : {}),
        ...(takesItems ? { headers: preferHeader } : operation.headers ? { headers: operation.headers } : {}),
        ...(operation.body
          ? {
              body: {
                required: true,
                content: {
                  'application/json': {
                    schema: operation.body,
                    ...(operation.example === undefined ? {} : { example: operation.example }),
                  },
                  ...(operation.ndjson ? { 'application/x-ndjson': { schema: z.string().describe('One event a line') } } : {}),
                },
              },
            }
          : operation.bytes
            ? { body: { required: true, content: { [operation.bytes]: { schema: z.string().describe('The bytes of the file') } } } }
            : {}),
      },
      responses: responsesOf(operation),
    });
  }
  const document = builder.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Muster',
      version: '1',
      description:
        'Contact upserts, activity events and custom events at high volume. A 2xx means that what was sent is durably queued; with `Prefer: wait` that it is in both databases.',
    },
    servers: [{ url: '/' }],
  });
  Object.assign(document.components?.schemas ?? {}, { [TREE_COMPONENT]: treeComponent() });
  return document;
}

export type OpenApiDocument = ReturnType<typeof openApiDocument>;
