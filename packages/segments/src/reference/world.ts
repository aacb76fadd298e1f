/**
 * Everything that decides who is in a segment: the data of one workspace as plain values, and the moment of looking at it.
 *
 * Absent optional texts are absent keys. Numbers and JSON are what `JSON.parse` returns.
 */
import type { JsonObject, JsonValue, MembershipStatus } from '@muster/domain';
import type { Node } from '../schema/tree.ts';

export type WorldContact = {
  contact_id: number;
  email: string;
  external_id: string | null;
  /** ms */
  created_at: number;
  /** ms */
  updated_at: number;
  /** Every other field that is set: `custom_datetime_*` as ISO text, `custom_json_*` as JSON; null is the same as absent. */
  fields: Record<string, JsonValue>;
};

export type WorldMembership = { contact_id: number; list_id: string; status: MembershipStatus; removed: boolean };

/**
 * One stored copy of a timeline entry of a message, list or contact kind. Copies that agree in contact, kind, id and `occurred_at` are
 * one event; the copy accepted first is the one that counts.
 */
export type WorldEvent = {
  contact_id: number;
  kind: string;
  id: string;
  /** ms */
  occurred_at: number;
  /** µs */
  accepted_at: number;
  message_id?: string;
  template_id?: string;
  campaign_id?: string;
  list_id?: string;
  link_url?: string;
  properties?: JsonObject;
};

/** One version of a custom event. Of those with one `(event_name, external_id)`, whoever's they are, only the highest exists. */
export type WorldCustomEvent = {
  event_name: string;
  external_id: string;
  contact_id: number;
  /** ms */
  occurred_at: number;
  /** µs */
  accepted_at: number;
  /** Position among what was accepted at the same time. */
  ord: number;
  goal_name?: string;
  goal_type?: string;
  /** Canonical decimal text. */
  goal_value?: string;
  properties?: JsonObject;
  /** ms; null = live */
  deleted_at: number | null;
  version: number;
};

export type World = {
  contacts: WorldContact[];
  memberships: WorldMembership[];
  events: WorldEvent[];
  customEvents: WorldCustomEvent[];
  /** What leaves with the source `segments` refer to. */
  segments: ReadonlyMap<string, { tree: Node; timezone: string }>;
};

/** When and where "today" is. */
export type Moment = {
  /** ms */
  now: number;
  /** IANA name: the segment's. */
  timezone: string;
};
