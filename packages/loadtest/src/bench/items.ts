/** The items of the benchmarks: as real producers send them, each following from the seed and its number alone. */
import { random } from '../random.ts';

/** Addresses of one population; `.example` belongs to nobody. */
export const address = (population: string, n: number): string => `${population}.user-${n}@customers.example`;

const GIVEN = ['Olivia', 'Noah', 'Emma', 'Jürgen', 'Zoë', 'José', 'Maëlle', 'Łukasz'] as const;
const FAMILY = ['Smith', 'Müller', "O'Brien", 'García', 'Nguyễn', 'Lefèvre', 'Johnson', 'Wójcik'] as const;
const JOBS = ['Engineer', 'Head of Growth', 'CEO', 'Buyer', 'Account Manager'] as const;
const COUNTRIES = ['DE', 'FR', 'GB', 'US', 'ES', 'PL'] as const;
const ZONES = ['Europe/Berlin', 'Europe/Paris', 'Europe/London', 'America/New_York', 'Europe/Madrid'] as const;
const PLANS = ['free', 'team', 'business', 'enterprise'] as const;

export type ContactFields = Readonly<Record<string, string | number>>;

/** Nine fields; version 2 of a contact differs from version 1 in three of them and repeats the others, as a nightly sync does. */
export function contactFields(seed: number, n: number, version: 1 | 2): ContactFields {
  const r = random(seed, 'bench-contact', n);
  return {
    first_name: r.pick(GIVEN),
    last_name: r.pick(FAMILY),
    country: r.pick(COUNTRIES),
    timezone: r.pick(ZONES),
    phone: `+4930${1_000_000 + r.int(8_999_999)}`,
    postcode: String(10_000 + r.int(89_999)),
    job_title: version === 1 ? r.pick(JOBS) : `Senior ${r.pick(JOBS)}`,
    custom_string_1: version === 1 ? r.pick(PLANS) : `${r.pick(PLANS)}-yearly`,
    custom_number_1: r.int(100_000) + version * 100_000,
  };
}

export type BenchEvent = {
  kind: 'insert_message_history' | 'open_email' | 'click_email' | 'bounce_email';
  message_id: string;
  template_id: string;
  campaign_id: string;
  occurred_at: string;
  link_url?: string;
  properties: Readonly<Record<string, string | number>>;
};

const AGENTS = ['Apple Mail 17', 'Gmail image proxy', 'Outlook 365', 'Thunderbird 128'] as const;
const MONTH_MS = 30 * 86_400_000;

/**
 * Event `n` of a round and the number of the contact it belongs to. The round is in the campaign, by which its events can be counted.
 * Nothing changes memberships: this is about events.
 */
export function benchEvent(seed: number, round: string, n: number, contacts: number, now: number): { contact: number; event: BenchEvent } {
  const r = random(seed, `bench-event-${round}`, n);
  const share = r.next();
  const kind = share < 0.45 ? 'insert_message_history' : share < 0.85 ? 'open_email' : share < 0.98 ? 'click_email' : 'bounce_email';
  const contact = r.int(contacts);
  return {
    contact,
    event: {
      kind,
      message_id: `msg-${contact}-${r.int(1_000_000).toString(36)}`,
      template_id: `tpl-${r.int(40)}`,
      campaign_id: `${round}-${r.int(20)}`,
      occurred_at: new Date(now - r.int(MONTH_MS)).toISOString(),
      ...(kind === 'click_email' ? { link_url: `https://shop.example/p/${r.int(5_000)}?utm_source=mail` } : {}),
      properties: kind === 'bounce_email' ? { bounce_type: 'transient', code: 450 } : { agent: r.pick(AGENTS), position: r.int(12) },
    },
  };
}
