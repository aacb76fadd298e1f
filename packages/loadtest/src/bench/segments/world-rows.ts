/**
 * The rows of a workspace that has been in use for two years, made by ClickHouse itself. Every column follows from the row's number, so
 * both orders of a table hold the same rows and a larger world begins with those of a smaller one.
 *
 * Parameters: `ws`; `from` and `n`, the numbers of the rows; `first` and `span`, the contacts that events belong to; `now`, milliseconds.
 */

/** Columns in the order of the SELECT, and the tables that get the rows. */
export type Rows = { readonly tables: readonly string[]; readonly columns: readonly string[]; readonly select: string };

export const LISTS = ['newsletter', 'customers'] as const;
export const LINK = 'https://shop.example/p/42?utm_source=mail';
export const emailOf = (contactId: number): string => `c${contactId}@bench.example`;

const MS_OF_TWO_YEARS = 2 * 365 * 86_400_000;
/** An independent number per row and purpose. */
const h = (purpose: number): string => `cityHash64(number, ${purpose})`;
const pick = (purpose: number, values: readonly string[]): string =>
  `[${values.map((value) => `'${value}'`).join(', ')}][1 + ${h(purpose)} % ${values.length}]`;
const inThePast = (purpose: number, ms: number): string => `fromUnixTimestamp64Milli({now:Int64} - toInt64(${h(purpose)} % ${ms}), 'UTC')`;
const NUMBERS = 'FROM numbers({from:UInt64}, {n:UInt64})';

export const CONTACTS: Rows = {
  tables: ['contacts'],
  columns: [
    ...['workspace_id', 'contact_id', 'email', 'created_at', 'updated_at', 'first_name', 'last_name', 'job_title', 'phone', 'timezone'],
    ...['language', 'country', 'postcode', 'custom_string_1', 'custom_number_1', 'custom_datetime_1', 'custom_json_1', 'version'],
    'is_deleted',
  ],
  select: `
    SELECT {ws:UInt32}, toUInt32(number + 1) AS contact_id, concat('c', toString(contact_id), '@bench.example'),
      ${inThePast(1, 2 * MS_OF_TWO_YEARS)} AS created_at, created_at,
      ${pick(2, ['Olivia', 'Noah', 'Emma', 'Jürgen', 'Zoë', 'José', 'Maëlle', 'Łukasz'])},
      ${pick(3, ['Smith', 'Müller', 'García', 'Nguyễn', 'Lefèvre', 'Johnson', 'Wójcik'])},
      ${pick(4, ['Engineer', 'Head of Growth', 'CEO', 'Buyer', 'Account Manager'])},
      concat('+4930', toString(1000000 + ${h(5)} % 8999999)),
      ${pick(6, ['Europe/Berlin', 'Europe/Paris', 'Europe/London', 'America/New_York', 'Europe/Madrid'])},
      ${pick(7, ['de', 'fr', 'en', 'es', 'pl'])}, ${pick(8, ['DE', 'FR', 'GB', 'US', 'ES', 'PL'])},
      toString(10000 + ${h(9)} % 89999), ${pick(10, ['free', 'team', 'business', 'enterprise'])}, ${h(11)} % 1000,
      if(${h(12)} % 4 = 0, NULL, ${inThePast(13, MS_OF_TWO_YEARS)}),
      concat('{"plan":{"tier":"', ${pick(14, ['basic', 'silver', 'gold'])}, '","seats":', toString(${h(15)} % 50), '}}'), 1, 0 ${NUMBERS}`,
};

/** Half of the contacts are on the newsletter, a fifth of these not any more; a fifth of all are customers. */
export const MEMBERSHIPS: Rows = {
  tables: ['contact_lists'],
  columns: ['workspace_id', 'list_id', 'contact_id', 'status', 'decided_at', 'created_at', 'updated_at', 'version', 'is_deleted'],
  select: `
    SELECT {ws:UInt32}, list, toUInt32(number + 1), if(list = 'newsletter' AND ${h(22)} % 5 = 0, 'unsubscribed', 'active'),
      fromUnixTimestamp64Micro(toInt64({now:Int64} * 1000), 'UTC'), ${inThePast(23, MS_OF_TWO_YEARS)} AS created_at, created_at, 1, 0
    FROM numbers({from:UInt64}, {n:UInt64})
    ARRAY JOIN arrayFilter(l -> if(l = 'newsletter', ${h(20)} % 2, ${h(21)} % 5) = 0, ['newsletter', 'customers']) AS list`,
};

const MESSAGE = `concat('m-', lower(hex(toUInt32(${h(33)}))))`;
const AGENT = pick(37, ['Apple Mail 17', 'Gmail image proxy', 'Outlook 365', 'Thunderbird 128']);
const LINKS = `if(kind = 'click_email', concat('https://shop.example/p/', toString(${h(36)} % 500), '?utm_source=mail'), '')`;

/** What of an entry is long: as events come in one by one, with the ids that the system gives (the request's, and the place in it). */
const WIDE = {
  id: `concat(toString(reinterpret(sipHash128(intDiv(number, 1000)), 'UUID')), ':', toString(number % 1000))`,
  message: MESSAGE,
  properties: `concat('{"agent":"', ${AGENT}, '","position":', toString(${h(38)} % 12), '}')`,
  recordedAt: `toDateTime64(occurred_at, 6, 'UTC')`,
  keepFirst: '18446744073709551615 - toUInt64(toUnixTimestamp64Milli(occurred_at)) * 1000',
};
/** The same as an import of a history leaves it: the producer's numbers as ids, accepted at one time, and only clicks say more. */
const NARROW: typeof WIDE = {
  id: 'lower(hex(toUInt32(number)))',
  message: "''",
  properties: `if(kind = 'click_email', concat('{"agent":"', ${AGENT}, '"}'), '')`,
  recordedAt: "fromUnixTimestamp64Micro(toInt64({now:Int64} * 1000), 'UTC')",
  keepFirst: '18446744073709551615 - toUInt64({now:Int64}) * 1000',
};

export function timelineRows(narrow: boolean): Rows {
  const { id, message, properties, recordedAt, keepFirst } = narrow ? NARROW : WIDE;
  return {
    tables: ['timeline_by_contact', 'timeline_by_kind'],
    columns: [
      ...['workspace_id', 'kind', 'contact_id', 'occurred_at', 'id', 'recorded_at', 'ord', 'entity_type', 'entity_id', 'message_id'],
      ...['template_id', 'campaign_id', 'link_url', 'properties', 'keep_first'],
    ],
    select: `
      SELECT {ws:UInt32},
        multiIf(h < 448, 'insert_message_history', h < 828, 'open_email', h < 968, 'click_email', h < 998, 'bounce_email', 'unsubscribe_email') AS kind,
        toUInt32({first:UInt32} + ${h(31)} % {span:UInt32}) AS contact_id, ${inThePast(32, MS_OF_TWO_YEARS)} AS occurred_at,
        ${id}, ${recordedAt}, ${narrow ? '0' : 'toUInt32(number % 1000)'}, 'message', ${message} AS message_id, message_id,
        concat('tpl-', toString(${narrow ? 'contact_id' : h(34)} % 40)), 'past', ${LINKS}, ${properties}, ${keepFirst}
      FROM (SELECT number, ${h(30)} % 1000 AS h ${NUMBERS})`,
  };
}

/** Few contacts buy much and many hardly anything. */
export const PURCHASES: Rows = {
  tables: ['custom_events', 'custom_events_by_contact'],
  columns: [
    ...['workspace_id', 'event_name', 'external_id', 'contact_id', 'occurred_at', 'accepted_at', 'ord', 'goal_name', 'goal_type'],
    ...['goal_value', 'properties', 'version', 'is_deleted'],
  ],
  select: `
    SELECT {ws:UInt32}, if(${h(40)} % 10 = 0, 'booking', 'purchase') AS event_name, concat('order-', toString(number)),
      toUInt32({first:UInt32} + floor({span:UInt32} * pow(${h(41)} / 18446744073709551616., 2))), ${inThePast(42, MS_OF_TWO_YEARS)} AS occurred_at,
      toDateTime64(occurred_at, 6, 'UTC'), 0, 'order', event_name, toDecimal128(5 + (${h(43)} % 39500) / 100, 4),
      concat('{"shop":"', ${pick(44, ['eu', 'us', 'asia'])}, '","items":', toString(1 + ${h(45)} % 9), '}'),
      toUInt64(toUnixTimestamp64Milli(occurred_at)) * 1000, 0 ${NUMBERS}`,
};
