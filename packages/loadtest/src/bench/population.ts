/** Contacts that exist before events come, made through the API. */
import { batches, bodies, send } from './batches.ts';
import { type Bed, ledgerMark, mustBe, untilStored } from './bed.ts';
import { address, contactFields } from './items.ts';
import { scaled } from './options.ts';

const CONTACTS = 100_000;
const POPULATION = 'events';

export type Population = { readonly size: number; readonly email: (n: number) => string; readonly contactIds: readonly number[] };

/** Makes the contacts of the events once. */
export async function populate(bed: Bed): Promise<Population> {
  const size = scaled(CONTACTS, bed.options.SCALE);
  const email = (n: number): string => address(POPULATION, n);
  const mark = await ledgerMark(bed);
  const progress = bed.output.progress('contacts for events', size);
  await send(
    bed,
    '/api/contacts.import',
    await bodies(bed, size, 'contacts', (n) => ({ email: email(n), ...contactFields(bed.options.SEED, n, 1) })),
  );
  await untilStored(bed, mark, size, (n) => progress.add(n));
  progress.done();
  return { size, email, contactIds: await readIds(bed, size, email) };
}

async function readIds(bed: Bed, size: number, email: (n: number) => string): Promise<number[]> {
  const ids: number[] = [];
  for (const emails of await batches(bed, size, email)) {
    const { rows } = await bed.pool.query<{ contact_id: number; email: string }>(
      'SELECT contact_id, email FROM contacts WHERE workspace_id = $1 AND email = ANY($2)',
      [bed.workspaceId, emails],
    );
    const byEmail = new Map(rows.map((row) => [row.email, row.contact_id]));
    ids.push(...emails.flatMap((e) => byEmail.get(e) ?? []));
  }
  mustBe('contacts made for the events', size, ids.length);
  return ids;
}
