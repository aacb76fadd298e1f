/** Compares what producers know with what the stores hold, once everything is quiet. */
import type { LocalStack } from '@muster/embedded';
import { auditStates, postgresTime, readBalance } from '@muster/postgres';
import type { MusterClient } from '../../client/client.ts';
import { readUntil } from '../../demo/settle.ts';
import type { Knowledge } from '../producers/record.ts';
import type { Tally } from '../producers/sender.ts';
import type { Check } from './check.ts';
import { compareContacts } from './contacts.ts';
import { compareCustomEvents } from './custom-events.ts';
import { compareEvents } from './events.ts';
import { compareLedger } from './ledger.ts';
import { recount } from './recount.ts';
import { compareErased, compareMemberships, compareRejected } from './rest.ts';
import { compareAudits, compareMembers } from './segments.ts';
import { readErasedIds, readRemains, readStored, type Stores } from './stored.ts';

export type { Check } from './check.ts';

/** A sweep comes every ten seconds, and may find a mutation still running. */
const SWEPT_WITHIN_MS = 40_000;
/** Erased addresses that are also asked for through the API. */
const ASKED_FOR = 20;

export type VerifyDeps = Stores & { stack: LocalStack; client: MusterClient; knowledge: Knowledge; tally: Tally; signal: AbortSignal };

export async function verify(deps: VerifyDeps): Promise<Check[]> {
  const { knowledge, tally } = deps;
  // Erased contacts are unreadable at once, and swept out of ClickHouse seconds later: what is read before that may still be there.
  const erasedIds = await readErasedIds(deps);
  const remains = await readUntil(
    () => readRemains(deps, erasedIds),
    (rows) => rows.length === 0,
    SWEPT_WITHIN_MS,
  );
  const stored = await readStored(deps);
  const balance = await readBalance(deps.pool, deps.workspaceId);
  const since = await postgresTime(deps.pool);
  // It has every segment audited.
  const recounted = await recount(deps.stack, deps.signal);
  const audits = compareAudits(await auditStates(deps.pool, deps.workspaceId, since));
  return [
    ...compareContacts(knowledge, stored),
    ...compareEvents(knowledge, stored),
    ...compareCustomEvents(knowledge, stored),
    ...compareMemberships(knowledge, stored),
    compareRejected(knowledge, stored),
    compareErased(knowledge, stored),
    await askForErased(deps),
    { name: 'nothing is left of erased contacts in ClickHouse', checked: erasedIds.length, faults: remains },
    compareLedger(tally, balance),
    recounted,
    audits,
    await compareMembers(deps.client),
  ];
}

async function askForErased({ knowledge, client }: VerifyDeps): Promise<Check> {
  const emails = [...knowledge.erased].filter((email) => !knowledge.contacts.has(email)).slice(-ASKED_FOR);
  const faults: string[] = [];
  for (const email of emails) if ((await client.getContact(email)) !== null) faults.push(`${email}: can be read`);
  return { name: 'erased contacts cannot be read', checked: emails.length, faults };
}
