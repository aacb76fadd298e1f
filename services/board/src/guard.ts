/**
 * What the board may do, enforced on the server whatever its page offers: read everything (masked), and retry failed jobs of
 * queues that are not lanes. Everything else is refused by being absent from this list.
 */
import { isLane } from '@muster/queues';
import type { MiddlewareHandler } from 'hono';

export type Verdict = 'allowed' | 'lane' | 'off';

/** Judges a request by method and path. `path` is as Hono gives it; its segments are decoded as the board's routes decode them. */
export function judge(method: string, path: string, queues: ReadonlySet<string>): Verdict {
  if (method === 'GET' || method === 'HEAD') return 'allowed';
  const [api, area, queue, ...rest] = path.split('/').slice(1).map(decode);
  if (api !== 'api' || area !== 'queues' || queue === undefined) return 'off';
  if (isLane(queue)) return 'lane';
  const retryOne = rest.length === 2 && rest[0] !== 'retry' && rest[1] === 'retry';
  const retryFailed = rest.length === 2 && rest[0] === 'retry' && rest[1] === 'failed';
  return method === 'PUT' && queues.has(queue) && (retryOne || retryFailed) ? 'allowed' : 'off';
}

const MESSAGES: Record<Exclude<Verdict, 'allowed'>, string> = {
  lane: 'Lanes are read-only: their jobs are applied strictly in order and repeat by themselves.',
  off: 'This action is off: the board shows, and retries failed jobs of queues that are not lanes.',
};

export function guard(queues: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    const verdict = judge(c.req.method, c.req.path, queues);
    if (verdict === 'allowed') return next();
    return c.json({ error: MESSAGES[verdict] }, 405, { allow: 'GET, HEAD' });
  };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A malformed escape names no queue.
    return '';
  }
}
