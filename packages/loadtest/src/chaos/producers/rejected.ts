/** Upserts that are valid in themselves and must be rejected when applied: another contact has their external_id. */
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';

export function rejected({ knowledge, patient }: ProducerDeps, group: number): Producer {
  const external_id = `taken-${group}`;
  let owned = false;
  let number = 0;
  return {
    step: async () => {
      if (!owned) {
        const { waited } = await patient.send('contacts.upsert', { contact: { email: `owner-${group}@${DOMAIN}`, external_id } }, 1, 5);
        // Two contacts are in two lanes: only what is applied is before the rest for sure.
        owned = waited;
        return 1;
      }
      number += 1;
      const email = `rejected-${group}-${number}@${DOMAIN}`;
      const { fate } = await patient.send('contacts.upsert', { contact: { email, external_id } }, 1);
      knowledge.rejected.set(email, fate);
      return 1;
    },
  };
}
