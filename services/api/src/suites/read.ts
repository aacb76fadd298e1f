/** Reading answers in tests. */
import type { Reply } from '../../../../tests/support/http.ts';

export type Fault = { index?: number; field: string; code: string; message: string };

export function errorOf(reply: Reply): { code: string; message: string; details?: Fault[] } {
  return reply.body.error as { code: string; message: string; details?: Fault[] };
}

/** `status code` of an answer, for short assertions. */
export function verdictOf(reply: Reply): string {
  return reply.body.error ? `${reply.status} ${errorOf(reply).code}` : String(reply.status);
}

export const rejectedOf = (reply: Reply): Fault[] => reply.body.rejected as Fault[];
export const detailsOf = (reply: Reply): Fault[] => errorOf(reply).details ?? [];
export type Operation = { index: number; email: string | null; action: string; contact_id: number | null; error?: Fault };
export const operationsOf = (reply: Reply): Operation[] => reply.body.operations as Operation[];

/** A request that waits for its effect. */
export const WAIT = { headers: { prefer: 'wait=20' } };
