/** Numbered upserts: each contact's steps are sent in sequence, the next after the one before was acknowledged. */
import type { Random } from '../../random.ts';
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';
import { nextStep, noteFate } from './record.ts';

const CONTACTS = 100;
const SINGLES = 0.25;
/** Of a batch: contacts that come a second time, after all others. */
const TWICE = 0.1;

export function contactSteps({ knowledge, patient }: ProducerDeps, group: number): Producer {
  const emails = Array.from({ length: CONTACTS }, (_, n) => `step-${group}-${n}@${DOMAIN}`);
  const next = (email: string): readonly [string, number] => [email, nextStep(knowledge.contacts, email)];
  const item = ([email, step]: readonly [string, number]) => ({ email, custom_number_1: step });
  return {
    step: async (r: Random) => {
      const single = r.chance(SINGLES);
      const first = r.int(CONTACTS);
      const chosen = single ? emails.slice(first, first + 1) : emails;
      const again = single ? [] : chosen.filter(() => r.chance(TWICE));
      const sent = [...chosen, ...again].map(next);
      const { fate } = single
        ? await patient.send('contacts.upsert', { contact: sent.map(item)[0] }, 1)
        : await patient.send('contacts.import', { contacts: sent.map(item) }, sent.length);
      noteFate(knowledge.contacts, sent, fate);
      return sent.length;
    },
  };
}
