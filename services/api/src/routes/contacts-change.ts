/** contacts.delete (erasure) and contacts.changeEmail. */
import { type EraseTarget, eraseContact, findErasure } from '@muster/postgres';
import { errorFields, redisMicros, sleep } from '@muster/runtime';
import type { ApiDeps } from '../deps.ts';
import { type Answer, type Endpoint, readObject } from '../http/endpoint.ts';
import { fail, invalid } from '../http/errors.ts';
import { fromPostgres, fromRedis } from '../http/failures.ts';
import { unknownFields } from '../http/fields.ts';
import { waitSeconds } from '../http/headers.ts';
import { emailParam } from '../http/query.ts';
import { identity, openIntake } from '../intake.ts';
import { contactRef, emailOf } from '../items/contact-ref.ts';
import { profileItem } from '../items/profile.ts';
import { answerSingle } from '../single.ts';

const POLL_MS = 100;

export function contactChangeRoutes(deps: ApiDeps): Endpoint[] {
  const erase: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const wait = waitSeconds(request.c.req.header('prefer'));
    const { body } = await readObject(deps, request);
    const warnings = unknownFields(body, ['email', 'contact_id']);
    const ref = contactRef({ email: body.email, contact_id: body.contact_id });
    if ('externalId' in ref) throw invalid('email', 'required', 'Name the contact by email or contact_id.');
    const target: EraseTarget = ref;
    // One clock stamps acceptances and erasures: what was accepted until now is erased with the contact.
    const erasedAt = await fromRedis(redisMicros(deps.redis));
    const erasure = await fromPostgres(eraseContact(deps.pool, workspaceId, target, erasedAt, deps.config.MUSTER_HASH_KEY));
    if (!erasure) throw fail('contact_not_found');
    // Unreadable from here on. The sweep also runs by itself every few seconds, so a lost request for it only delays it.
    await deps.inspector.requestMaintenance('erasures').catch((error: unknown) => {
      deps.log.warn({ erasure_id: erasure.erasureId, ...errorFields(error) }, 'asking for the erasure sweep failed');
    });
    const answer = { status: 'erasing', job_id: erasure.erasureId, contact_id: erasure.contactId, warnings };
    if (wait === null) return { status: 202, body: answer };
    return (await sweptWithin(deps, workspaceId, erasure.erasureId, wait, answer)) ?? { status: 202, body: answer };
  };

  const changeEmail: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const intake = openIntake(request);
    const { body } = await readObject(deps, request);
    const warnings = unknownFields(body, ['email', 'contact_id', 'external_id', 'new_email']);
    const ref = contactRef({ email: body.email, contact_id: body.contact_id, external_id: body.external_id });
    const newEmail = emailParam(body.new_email, 'new_email');
    const { email, contactId } = await emailOf(deps, workspaceId, ref);
    const item = profileItem(deps, workspaceId, email, {
      ...identity(intake, 0),
      op: 'change_email',
      ...(contactId === null ? { email } : { contact_id: contactId }),
      new_email: newEmail,
    });
    return answerSingle(deps, request, intake, item, { email }, warnings);
  };

  return [
    { method: 'POST', path: '/api/contacts.delete', scopes: ['write'], handle: erase },
    { method: 'POST', path: '/api/contacts.changeEmail', scopes: ['write'], intake: true, handle: changeEmail },
  ];
}

/** The 200 once a sweep has found nothing left of the contact in ClickHouse, or null when the time is up before. */
async function sweptWithin(
  deps: ApiDeps,
  workspaceId: number,
  erasureId: string,
  seconds: number,
  answer: Record<string, unknown>,
): Promise<Answer | null> {
  const deadline = Date.now() + seconds * 1_000;
  while (Date.now() < deadline) {
    const erasure = await fromPostgres(findErasure(deps.pool, workspaceId, erasureId));
    if (erasure?.swept_at) return { status: 200, body: { ...answer, status: erasure.status } };
    await sleep(POLL_MS);
  }
  return null;
}
