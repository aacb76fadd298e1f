/** The answer of calls that bring one item about one contact. */

import { jobIdsOf, type RoutedItem } from '@muster/queues';
import { contactAfter } from './contact-json.ts';
import type { ApiDeps } from './deps.ts';
import type { Answer, ApiRequest } from './http/endpoint.ts';
import { ApiError, type ErrorDetail } from './http/errors.ts';
import { awaitOutcomes, enqueue, type Intake, membershipsOf, type Named, operationsOf } from './intake.ts';

/** Statuses of codes that only the data can tell; every other refusal is a conflict with what is stored. */
const STATUS: Record<string, number> = { contact_not_found: 404, list_gone: 404 };

/** 202 with the job's id, or under `Prefer: wait` 200 with what became of it, or 409 when it was refused. */
export async function answerSingle(
  deps: ApiDeps,
  request: ApiRequest,
  intake: Intake,
  item: RoutedItem,
  named: Named,
  warnings: readonly ErrorDetail[],
): Promise<Answer> {
  const placements = await enqueue(deps, request, intake, [item]);
  const body = { accepted: 1, job_id: jobIdsOf(placements)[0] ?? null, warnings };
  const outcomes = await awaitOutcomes(deps, request, intake, [item], placements);
  const outcome = outcomes?.[0];
  if (!outcomes || !outcome) return { status: 202, body };
  if (outcome.error) {
    const { field, code, message } = outcome.error;
    const operations = operationsOf(outcomes, [item], [named]);
    throw new ApiError(STATUS[code] ?? 409, code, message, { details: [{ index: 0, field, code, message }], beside: { operations } });
  }
  const contact = await contactAfter(deps, request.grant.workspaceId, outcome.verdict.id);
  return {
    status: 200,
    body: {
      email: contact?.email ?? named.email ?? null,
      contact_id: outcome.verdict.id ?? null,
      action: outcome.action,
      contact,
      ...(outcome.verdict.m ? { memberships: membershipsOf(outcome.verdict) } : {}),
      job_id: body.job_id,
      warnings,
    },
  };
}
