/** One person of the day: a pure function of the seed and the person's number. */
import { type Random, random } from '../random.ts';
import type { DayPlan } from './plan.ts';
import { BAD_COUNTRIES, BAD_PHONES, JOBS, LOCALS, ORIGINS, PLANS, PROVIDERS } from './words.ts';

export type Identity = { seed: number; run: number; tag: string };

/** The address as it is stored. */
export function emailOf(id: Identity, person: number): string {
  const r = random(id.seed, 'address', person);
  return `${r.pick(LOCALS)}.${person}@${r.pick(PROVIDERS)}.${id.tag}`;
}

/** Three of five have an id in another system. */
export function hasExternalId(seed: number, person: number): boolean {
  return random(seed, 'external-id', person).chance(0.6);
}

export function externalIdOf(id: Identity, person: number): string {
  return `crm-${id.run}-${id.seed}-${person}`;
}

const NBSP = '\u00a0';

/** The same address as another system writes it: other casing, decomposed accents, white space around it. */
export function messyEmail(email: string, r: Random): string {
  const upper = email.toUpperCase();
  const variants: [string, ...string[]] = [
    // Not every letter comes back from upper case (ß becomes SS): that would be another address.
    upper.toLowerCase() === email ? upper : email,
    `${NBSP}${email} `,
    email.normalize('NFD'),
    `\t${email.charAt(0).toUpperCase()}${email.slice(1)}${NBSP}`,
  ];
  return r.pick(variants);
}

export type PersonRecord = { fields: Record<string, unknown>; warnings: string[] };

/** The contact as its producer has it, without the address; the same on every call. */
export function personFields(plan: DayPlan, person: number): PersonRecord {
  const { seed } = plan;
  const r = random(seed, 'person', person);
  const origin = r.pick(ORIGINS);
  const given = r.pick(origin.given);
  const family = r.pick(origin.family);
  const warnings: string[] = [];
  const fields: Record<string, unknown> = {
    first_name: r.chance(0.1) ? `  ${given} ` : given,
    last_name: r.chance(0.1) ? family.toUpperCase() : family,
    custom_string_1: r.pick(PLANS),
    custom_number_1: Math.round(r.next() * 100_000) / 100,
    created_at: new Date(plan.now - r.int(5 * 365) * 86_400_000).toISOString(),
  };
  if (r.chance(0.5)) fields.full_name = `${given} ${family}`;
  const oddCountry = r.chance(0.02);
  if (oddCountry) warnings.push('unrecognised_country');
  fields.country = oddCountry ? r.pick(BAD_COUNTRIES) : r.pick(origin.country);
  if (r.chance(0.7)) {
    // A national number can only be read with its country.
    const odd = r.chance(0.08);
    const known = origin.phone.filter((phone) => !oddCountry || phone.startsWith('+'));
    fields.phone = odd ? r.pick(BAD_PHONES) : (known[r.int(known.length)] ?? '');
    if (odd) warnings.push('unrecognised_phone');
  }
  if (r.chance(0.8)) fields.language = origin.language;
  if (r.chance(0.6)) {
    const odd = r.chance(0.01);
    fields.timezone = odd ? 'Mars/Olympus_Mons' : origin.timezone;
    if (odd) warnings.push('unrecognised_timezone');
  }
  if (r.chance(0.4)) fields.job_title = r.pick(JOBS);
  if (r.chance(0.5)) fields.postcode = origin.postcode;
  if (r.chance(0.3)) fields.custom_datetime_1 = `19${50 + r.int(50)}-0${1 + r.int(9)}-1${r.int(10)}`;
  if (r.chance(0.2)) fields.custom_json_1 = { tags: [r.pick(PLANS), `cohort-${r.int(12)}`], nps: r.int(11) };
  if (r.chance(0.05)) {
    fields.newsletter_source = 'footer';
    warnings.push('ignored_field');
  }
  if (hasExternalId(seed, person)) fields.external_id = externalIdOf(plan, person);
  return { fields, warnings };
}
