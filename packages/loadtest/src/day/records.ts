/** The morning's contact records: mostly new persons, some sent twice, some that cannot be stored. */
import { random } from '../random.ts';
import type { Outgoing } from './outgoing.ts';
import { emailOf, messyEmail, personFields } from './person.ts';
import type { DayPlan } from './plan.ts';
import { type GroupName, groupOf } from './status.ts';

export type RecordKind = 'person' | 'duplicate' | 'invalid';

/** What record `k` is. The first is a person: a duplicate needs somebody to be a duplicate of. */
export function recordKind(seed: number, k: number): RecordKind {
  if (k === 0) return 'person';
  const at = random(seed, 'record', k).next();
  return at < 0.015 ? 'invalid' : at < 0.055 ? 'duplicate' : 'person';
}

/** A record and the group of lists whose request carries it. */
export type MorningRecord = { group: GroupName; outgoing: Outgoing };

export function* morningRecords(plan: DayPlan): Generator<MorningRecord> {
  let persons = 0;
  for (let k = 0; k < plan.records; k += 1) {
    switch (recordKind(plan.seed, k)) {
      case 'person':
        yield personRecord(plan, persons, k, 'applied');
        persons += 1;
        break;
      case 'duplicate':
        yield personRecord(plan, random(plan.seed, 'duplicate-of', k).int(persons), k, 'unchanged');
        break;
      case 'invalid':
        yield { group: 'none', outgoing: invalidRecord(plan, k) };
    }
  }
}

/**
 * A duplicate says the same as the person's own record, in another spelling: whichever of the two is applied first stores it, and
 * the other one changes nothing.
 */
function personRecord(plan: DayPlan, person: number, k: number, fate: 'applied' | 'unchanged'): MorningRecord {
  const r = random(plan.seed, 'spelling', k);
  const { fields, warnings } = personFields(plan, person);
  const address = emailOf(plan, person);
  const email = fate === 'unchanged' || r.chance(0.15) ? messyEmail(address, r) : address;
  return { group: groupOf(plan.seed, person), outgoing: { body: { email, ...fields }, fate, kind: 'contact', warnings } };
}

function invalidRecord(plan: DayPlan, k: number): Outgoing {
  const r = random(plan.seed, 'invalid-record', k);
  const email = `invalid.${k}@mail.${plan.tag}`;
  const cases: [[string[], unknown], ...[string[], unknown][]] = [
    [['invalid_email'], { email: `no-at-sign.${k}` }],
    [['invalid_email'], { email: `two@@signs.${plan.tag}` }],
    [['invalid_email'], { email: `bell\u0007.${k}@mail.${plan.tag}` }],
    [['invalid_email'], { email: `zero\u200bwidth.${k}@mail.${plan.tag}` }],
    [['invalid_email'], { email: `${k}@localhost` }],
    [['required'], { first_name: 'Nobody' }],
    [['invalid_type'], { email: { address: email } }],
    [['too_long'], { email: `${'x'.repeat(260)}@mail.${plan.tag}` }],
    [['too_long'], { email, first_name: 'Pablo Diego José '.repeat(20) }],
    [['too_long'], { email, phone: '0'.repeat(60) }],
    [['invalid_characters'], { email, last_name: 'NUL\u0000byte' }],
    [['invalid_characters'], { email, last_name: 'half a pair \ud83d' }],
    [['invalid_type'], { email, custom_number_1: '12' }],
    [['invalid_datetime'], { email, custom_datetime_1: '31/12/1999' }],
    [['invalid_json_value'], { email, custom_json_1: 'text' }],
    [['empty_not_allowed'], { email, external_id: ' ' }],
    // Parsed, so that the key is the object's own and is sent.
    [['forbidden_key'], { email, custom_json_1: JSON.parse('{"__proto__": {"admin": true}}') }],
    [['invalid_email', 'invalid_type'], { email: 'n/a', custom_number_2: 'NaN' }],
  ];
  const [codes, body] = r.pick(cases);
  return { body, fate: 'refused', kind: 'contact', codes };
}

/** Midday: one person in ten is sent again, half of them as they are, half with changes. */
export function* middayRecords(plan: DayPlan): Generator<Outgoing> {
  for (let person = 0; person < plan.persons; person += 1) {
    const r = random(plan.seed, 'midday', person);
    if (!r.chance(0.1)) continue;
    const email = messyEmail(emailOf(plan, person), r);
    if (r.chance(0.5)) {
      const { fields, warnings } = personFields(plan, person);
      yield { body: { email, ...fields }, fate: 'unchanged', kind: 'contact', warnings };
    } else {
      // null removes a value, an empty string is one.
      yield { body: { email, job_title: `Promoted on day ${person}`, postcode: null, state: '' }, fate: 'applied', kind: 'contact' };
    }
  }
}
