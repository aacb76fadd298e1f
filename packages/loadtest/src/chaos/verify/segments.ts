/** Members: what an audit found, and what the API shows beside what it evaluates at the same time. */
import type { AuditState } from '@muster/postgres';
import type { MusterClient } from '../../client/client.ts';
import { readUntil } from '../../demo/settle.ts';
import { SEGMENTS } from '../segments.ts';
import type { Check } from './check.ts';

/** While windows pass, the members are a moment behind: longer than the last of the short windows takes to be empty, and the moment. */
const AGREE_WITHIN_MS = 90_000;

/** @param found as of the audit that has just been asked for: without a result it did not take place */
export function compareAudits(found: readonly AuditState[]): Check {
  const faults = found.flatMap(({ segmentId, status, error, drift }) => {
    if (status === 'failed') return [`${segmentId}: failed: ${error}`];
    if (drift === null) return [`${segmentId}: was not audited, it is ${status}`];
    return drift === 0 ? [] : [`${segmentId}: ${drift} contacts were on the wrong side`];
  });
  const there = new Set(found.map((s) => s.segmentId));
  for (const id of Object.keys(SEGMENTS)) if (!there.has(id)) faults.push(`${id}: is not there`);
  return { name: 'segments: audit drift', checked: found.length, faults };
}

export type Counted = { id: string; listed: number; distinct: number; users: number; evaluated: number };

export async function compareMembers(client: MusterClient): Promise<Check> {
  const counted: Counted[] = [];
  for (const [id, tree] of Object.entries(SEGMENTS))
    counted.push(
      await readUntil(
        () => count(client, id, tree),
        (c) => faultsOf(c).length === 0,
        AGREE_WITHIN_MS,
      ),
    );
  return {
    name: 'segments: members as evaluated',
    checked: counted.reduce((sum, c) => sum + c.evaluated, 0),
    faults: counted.flatMap(faultsOf),
  };
}

export function faultsOf({ id, listed, distinct, users, evaluated }: Counted): string[] {
  const faults: string[] = [];
  if (listed !== distinct) faults.push(`${id}: ${listed - distinct} contacts are listed twice`);
  if (distinct !== evaluated) faults.push(`${id}: ${distinct} members, ${evaluated} contacts match`);
  if (users !== distinct) faults.push(`${id}: users_count is ${users} with ${distinct} members`);
  return faults;
}

async function count(client: MusterClient, id: string, tree: unknown): Promise<Counted> {
  const ids: number[] = [];
  for await (const { contact_id } of client.segmentMembers(id)) ids.push(contact_id);
  const evaluated = await client.previewSegment(tree);
  const segment = await client.getSegment(id);
  return { id, listed: ids.length, distinct: new Set(ids).size, users: segment?.users_count ?? -1, evaluated };
}
