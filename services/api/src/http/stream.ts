/**
 * Answers that are made while they are read: the next piece is asked for when the one before it has gone out, and none once the reader
 * is gone, so memory stays flat and nothing runs on for nobody.
 */
import { errorFields } from '@muster/runtime';
import type { ApiDeps } from '../deps.ts';
import type { ApiRequest, RawAnswer } from './endpoint.ts';
import { requestIdOf } from './headers.ts';

export type Pieces = AsyncGenerator<string, void, void>;

/**
 * A 200 of these pieces. What fails before the first of them is thrown, and so becomes an error like any other; after it the connection
 * is cut, because an answer that just ended would pass for complete.
 */
export async function streamed(
  deps: Pick<ApiDeps, 'log'>,
  request: Pick<ApiRequest, 'c' | 'route'>,
  headers: Record<string, string>,
  pieces: Pieces,
): Promise<RawAnswer> {
  const head = request.c.req.method === 'HEAD';
  let first: IteratorResult<string, void> | null = await pieces.next();
  if (head) {
    await pieces.return();
    return { status: 200, response: new Response(null, { headers }) };
  }
  const encoder = new TextEncoder();
  let gone = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = first ?? (await pieces.next());
          first = null;
          if (gone) return;
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          if (gone) return;
          const requestId = requestIdOf(request.c.req.header('x-request-id'));
          deps.log.warn({ request_id: requestId, route: request.route, ...errorFields(error) }, 'an answer was cut short');
          const outgoing = request.c.env?.outgoing;
          if (outgoing) outgoing.destroy();
          else controller.error(new Error('the answer was cut short'));
        }
      },
      async cancel() {
        gone = true;
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
  return { status: 200, response: new Response(body, { headers }) };
}

/** Headers of a CSV file to download. */
export function csvHeaders(fileName: string): Record<string, string> {
  return {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${fileName}"`,
    'cache-control': 'no-store',
  };
}
