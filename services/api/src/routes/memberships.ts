/** contactLists.subscribe, .updateStatus, .removeContact, .getListsByContact, .getContactsByList. */
import { MEMBERSHIP_STATUSES } from '@muster/domain';
import { pageListMembers, visibleMemberships } from '@muster/postgres';
import type { MembershipItem } from '@muster/queues';
import { membershipJson } from '../contact-json.ts';
import type { ApiDeps } from '../deps.ts';
import { contactCursor, decodeCursor, encodeCursor } from '../http/cursor.ts';
import { type ApiRequest, type Endpoint, readObject } from '../http/endpoint.ts';
import { invalid } from '../http/errors.ts';
import { fromPostgres } from '../http/failures.ts';
import { booleanField, choiceField, listIdsField, listIdValue, unknownFields } from '../http/fields.ts';
import { choiceParam, limitParam, requiredParam, textParam } from '../http/query.ts';
import { type Intake, identity, openIntake } from '../intake.ts';
import { contactRef, emailOf, requireContact } from '../items/contact-ref.ts';
import { profileItem } from '../items/profile.ts';
import { answerSingle } from '../single.ts';

type Body = Record<string, unknown>;

export function membershipRoutes(deps: ApiDeps): Endpoint[] {
  const decide = async (
    request: ApiRequest,
    intake: Intake,
    body: Body,
    listIds: string[],
    decision: MembershipItem['decision'],
    known: string[],
  ) => {
    const warnings = unknownFields(body, ['email', 'contact_id', ...known]);
    const { workspaceId } = request.grant;
    const ref = contactRef({ email: body.email, contact_id: body.contact_id });
    await deps.lists.require(workspaceId, listIds);
    const { email, contactId } = await emailOf(deps, workspaceId, ref);
    const who = contactId === null ? { email } : { contact_id: contactId };
    const item = profileItem(deps, workspaceId, email, { ...identity(intake, 0), op: 'membership', ...who, list_ids: listIds, decision });
    return answerSingle(deps, request, intake, item, { email }, warnings);
  };

  const subscribe: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body } = await readObject(deps, request);
    const many = listIdsField(body);
    const listIds = body.list_id === undefined ? many : [...new Set([...many, listIdValue(body.list_id)])];
    if (listIds.length === 0) throw invalid('list_ids', 'required', 'list_ids names at least one list.');
    const confirmed = booleanField(body, 'confirmed');
    return decide(request, intake, body, listIds, { type: 'subscribe', confirmed }, ['list_ids', 'list_id', 'confirmed']);
  };

  const updateStatus: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body } = await readObject(deps, request);
    const listId = listIdValue(body.list_id);
    const status = choiceField(body, 'status', MEMBERSHIP_STATUSES);
    if (status === undefined) throw invalid('status', 'required', `status is one of ${MEMBERSHIP_STATUSES.join(', ')}.`);
    return decide(request, intake, body, [listId], { type: 'set', status }, ['list_id', 'status']);
  };

  const removeContact: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body } = await readObject(deps, request);
    return decide(request, intake, body, [listIdValue(body.list_id)], { type: 'remove' }, ['list_id']);
  };

  const listsByContact: Endpoint['handle'] = async ({ grant, query }) => {
    const named = {
      email: textParam(query, 'email'),
      contact_id: textParam(query, 'contact_id'),
      external_id: textParam(query, 'external_id'),
    };
    const contact = await requireContact(deps, grant.workspaceId, contactRef(named));
    const memberships = await fromPostgres(visibleMemberships(deps.pool, grant.workspaceId, [contact.contact_id]));
    return { status: 200, body: { contact_lists: memberships.map(membershipJson) } };
  };

  const contactsByList: Endpoint['handle'] = async ({ grant, query }) => {
    const listId = listIdValue(requiredParam(query, 'list_id'));
    const status = choiceParam(query, 'status', MEMBERSHIP_STATUSES) ?? null;
    const limit = limitParam(query, 20, 100);
    const afterId = decodeCursor(query.one('cursor'), contactCursor)?.[0] ?? 0;
    await deps.lists.require(grant.workspaceId, [listId]);
    const rows = await fromPostgres(pageListMembers(deps.pool, grant.workspaceId, { listId, status, afterId, limit: limit + 1 }));
    const contacts = rows.slice(0, limit).map((m) => ({
      contact_id: m.contact_id,
      email: m.email,
      status: m.status,
      created_at: m.created_at.toISOString(),
      updated_at: m.updated_at.toISOString(),
    }));
    const last = contacts.at(-1);
    return { status: 200, body: { contacts, ...(rows.length > limit && last ? { next_cursor: encodeCursor([last.contact_id]) } : {}) } };
  };

  return [
    { method: 'POST', path: '/api/contactLists.subscribe', scopes: ['write'], intake: true, handle: subscribe },
    { method: 'POST', path: '/api/contactLists.updateStatus', scopes: ['write'], intake: true, handle: updateStatus },
    { method: 'POST', path: '/api/contactLists.removeContact', scopes: ['write'], intake: true, handle: removeContact },
    { method: 'GET', path: '/api/contactLists.getListsByContact', scopes: ['read'], handle: listsByContact },
    { method: 'GET', path: '/api/contactLists.getContactsByList', scopes: ['read'], handle: contactsByList },
  ];
}
