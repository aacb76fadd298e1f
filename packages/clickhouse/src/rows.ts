/**
 * Rows of the ClickHouse tables. Every row is a pure function of its item and the contact it belongs to, so inserting one again
 * changes no answer.
 */

/** `2026-01-31 10:00:00.123` of an ISO UTC time: the form that ClickHouse's fast parser reads. */
export function clickhouseTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
}

/** The same with microseconds, from microseconds since the epoch. */
export function clickhouseMicros(micros: number): string {
  const ms = Math.floor(micros / 1_000);
  return `${clickhouseTime(new Date(ms).toISOString())}${String(micros - ms * 1_000).padStart(3, '0')}`;
}

const MAX_UINT64 = 18_446_744_073_709_551_615n;

/** The time of acceptance in the forms that rows need: made once for the many rows of a chunk, because formatting it is dear. */
export type Acceptance = {
  /** ISO UTC, milliseconds. */
  readonly iso: string;
  readonly recordedAt: string;
  /** Larger for what was accepted earlier: the version by which the first copy of a row stays. */
  readonly keepFirst: string;
};

/** @param micros microseconds since the epoch */
export function acceptanceOf(micros: number): Acceptance {
  return {
    iso: new Date(Math.floor(micros / 1_000)).toISOString(),
    recordedAt: clickhouseMicros(micros),
    keepFirst: (MAX_UINT64 - BigInt(micros)).toString(),
  };
}

export type TimelineRow = {
  workspace_id: number;
  kind: string;
  contact_id: number;
  occurred_at: string;
  id: string;
  recorded_at: string;
  ord: number;
  entity_type: string;
  entity_id: string;
  // Where there is nothing to say, the column's default (an empty text) is.
  message_id: string | undefined;
  template_id: string | undefined;
  campaign_id: string | undefined;
  list_id: string | undefined;
  link_url: string | undefined;
  changes: string | undefined;
  properties: string | undefined;
  keep_first: string;
};

export type TimelineInput = {
  workspaceId: number;
  contactId: number;
  kind: string;
  /** ISO UTC. */
  occurredAt: string;
  id: string;
  /** Also `recorded_at`. */
  accepted: Acceptance;
  /** Order within the request: ties of occurred_at are shown by order of recording. */
  ord: number;
  entityType: 'contact' | 'contact_list' | 'message';
  entityId: string;
  message?: { message_id?: string; template_id?: string; campaign_id?: string; list_id?: string; link_url?: string };
  changes?: object;
  properties?: object;
};

export function timelineRow(input: TimelineInput): TimelineRow {
  const m = input.message;
  return {
    workspace_id: input.workspaceId,
    kind: input.kind,
    contact_id: input.contactId,
    occurred_at: clickhouseTime(input.occurredAt),
    id: input.id,
    recorded_at: input.accepted.recordedAt,
    ord: input.ord,
    entity_type: input.entityType,
    entity_id: input.entityId,
    message_id: m?.message_id,
    template_id: m?.template_id,
    campaign_id: m?.campaign_id,
    list_id: m?.list_id ?? (input.entityType === 'contact_list' ? input.entityId : undefined),
    link_url: m?.link_url,
    changes: input.changes && JSON.stringify(input.changes),
    properties: input.properties && JSON.stringify(input.properties),
    keep_first: input.accepted.keepFirst,
  };
}

/** A profile as the mirror needs it; times are ISO UTC. */
export type MirrorContact = {
  contact_id: number;
  email: string;
  external_id: string | null;
  created_at: string;
  updated_at: string;
  version: number;
  fields: Record<string, unknown>;
};
export type ContactMirrorRow = { workspace_id: number; contact_id: number; version: number | string; is_deleted: 0 | 1 } & Record<
  string,
  unknown
>;

/** Mirror row of a profile: custom_datetime_* in ClickHouse's form, custom_json_* as JSON text, everything else as it is. */
export function contactMirrorRow(workspaceId: number, contact: MirrorContact): ContactMirrorRow {
  const row: ContactMirrorRow = {
    workspace_id: workspaceId,
    contact_id: contact.contact_id,
    email: contact.email,
    external_id: contact.external_id,
    created_at: clickhouseTime(contact.created_at),
    updated_at: clickhouseTime(contact.updated_at),
    version: contact.version,
    is_deleted: 0,
  };
  for (const [field, value] of Object.entries(contact.fields)) {
    if (field.startsWith('custom_json_')) row[field] = JSON.stringify(value);
    else if (field.startsWith('custom_datetime_') && typeof value === 'string') row[field] = clickhouseTime(value);
    else row[field] = value;
  }
  return row;
}

/** Tombstone of an erased contact: the highest version there is, so no late copy of the profile ever wins over it. */
export function contactTombstone(workspaceId: number, contactId: number): ContactMirrorRow {
  return {
    workspace_id: workspaceId,
    contact_id: contactId,
    email: '',
    created_at: '1970-01-01 00:00:00.000',
    updated_at: '1970-01-01 00:00:00.000',
    version: MAX_UINT64.toString(),
    is_deleted: 1,
  };
}

export type MembershipMirrorRow = {
  workspace_id: number;
  list_id: string;
  contact_id: number;
  status: string;
  decided_at: string;
  created_at: string;
  updated_at: string;
  version: number;
  is_deleted: 0 | 1;
};

/** Mirror row of a membership; a removed one is deleted there. */
export function membershipMirrorRow(
  workspaceId: number,
  m: {
    contact_id: number;
    list_id: string;
    status: string;
    removed: boolean;
    decided_at: number;
    created_at: string;
    updated_at: string;
    version: number;
  },
): MembershipMirrorRow {
  return {
    workspace_id: workspaceId,
    list_id: m.list_id,
    contact_id: m.contact_id,
    status: m.status,
    decided_at: clickhouseMicros(m.decided_at),
    created_at: clickhouseTime(m.created_at),
    updated_at: clickhouseTime(m.updated_at),
    version: m.version,
    is_deleted: m.removed ? 1 : 0,
  };
}

export type CustomEventRow = {
  workspace_id: number;
  event_name: string;
  external_id: string;
  contact_id: number;
  occurred_at: string;
  accepted_at: string;
  ord: number;
  goal_name: string;
  goal_type: string;
  goal_value: string | null;
  properties: string;
  deleted_at: string | null;
  version: number;
  is_deleted: 0 | 1;
};

export type CustomEventInput = {
  event_name: string;
  external_id: string;
  contact_id: number;
  /** ISO UTC. */
  occurred_at: string;
  /** Microseconds. */
  accepted_at: number;
  ord: number;
  goal_name?: string | undefined;
  goal_type?: string | undefined;
  /** Exact decimal text. */
  goal_value?: string | undefined;
  properties?: object | undefined;
  deleted_at?: string | null | undefined;
  version: number;
};

export function customEventRow(workspaceId: number, event: CustomEventInput): CustomEventRow {
  return {
    workspace_id: workspaceId,
    event_name: event.event_name,
    external_id: event.external_id,
    contact_id: event.contact_id,
    occurred_at: clickhouseTime(event.occurred_at),
    accepted_at: clickhouseMicros(event.accepted_at),
    ord: event.ord,
    goal_name: event.goal_name ?? '',
    goal_type: event.goal_type ?? '',
    goal_value: event.goal_value ?? null,
    properties: event.properties ? JSON.stringify(event.properties) : '',
    deleted_at: event.deleted_at ? clickhouseTime(event.deleted_at) : null,
    version: event.version,
    is_deleted: 0,
  };
}

/** Tombstone under the contact that an event left; of the event itself it holds no more than the key and the times. */
export function customEventMoved(workspaceId: number, event: CustomEventInput, fromContactId: number): CustomEventRow {
  return {
    ...customEventRow(workspaceId, { ...event, contact_id: fromContactId }),
    goal_name: '',
    goal_type: '',
    goal_value: null,
    properties: '',
    is_deleted: 1,
  };
}

export type TableRows = {
  contacts?: ContactMirrorRow[];
  contact_lists?: MembershipMirrorRow[];
  timeline?: TimelineRow[];
  custom_events?: CustomEventRow[];
  /** Only the contact-first order: tombstones of moved events. */
  custom_events_by_contact?: CustomEventRow[];
};
