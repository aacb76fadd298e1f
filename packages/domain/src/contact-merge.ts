/**
 * Merging patches into a contact, one item at a time: each item has its own action, changes and version step, so that what an
 * item did never depends on which other items it was processed with.
 */
import type { ProfilePatch } from './contact.ts';
import { type JsonValue, jsonEqual } from './json.ts';

/** A contact as stored. */
export type ContactState = {
  contact_id: number;
  email: string;
  external_id: string | null;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ` */
  created_at: string;
  updated_at: string;
  /** Grows by one with every change of a value. */
  version: number;
  /** Made by an event, no upsert seen yet: the first upsert may still set `created_at`. */
  created_by_event: boolean;
  /** Only fields that have a value. */
  fields: Record<string, JsonValue>;
};

export type FieldChange = { old: JsonValue | null; new: JsonValue | null };

export type MergeResult = {
  action: 'created' | 'updated' | 'unchanged';
  /**
   * The contact afterwards. With `unchanged` it equals the state, but for `created_by_event`, which any upsert clears: store the flag
   * without a timeline entry, a version or an `updated_at` of its own.
   */
  next: Omit<ContactState, 'contact_id'>;
  /** Exactly the fields whose value changed; `old` is null where there was none, `new` null where it was removed. Never `updated_at` nor `email`. */
  changes: Record<string, FieldChange>;
};

/**
 * Applies one upsert to a contact. Pure: `state` is not modified.
 *
 * Whether the external_id belongs to someone else, and changes of the email, are the caller's business: `state.email` is kept.
 *
 * @param state the contact, or null when it does not exist
 * @param acceptedAtIso when the item was accepted: `created_at` of a new contact unless given, and `updated_at`
 */
export function applyPatch(state: ContactState | null, patch: ProfilePatch, acceptedAtIso: string): MergeResult {
  const changes: Record<string, FieldChange> = {};
  const old = state?.fields;
  let fields: Record<string, JsonValue> | undefined;
  let changed = false;

  if (patch.external_id !== undefined) {
    const before = state?.external_id ?? null;
    if (before !== patch.external_id) {
      changes.external_id = { old: before, new: patch.external_id };
      changed = true;
    }
  }
  for (const name of Object.keys(patch.fields)) {
    const value = patch.fields[name] ?? null;
    const before = old?.[name] ?? null;
    if (jsonEqual(before, value)) continue;
    fields ??= { ...old };
    if (value === null) delete fields[name];
    else fields[name] = value;
    changes[name] = { old: before, new: value };
    changed = true;
  }

  const settable = state === null || state.created_by_event;
  const createdBefore = state?.created_at ?? null;
  let created_at = createdBefore ?? acceptedAtIso;
  if (settable && patch.created_at !== undefined && patch.created_at !== createdBefore) {
    created_at = patch.created_at;
    changes.created_at = { old: createdBefore, new: created_at };
    changed = true;
  }

  if (state === null) {
    if (patch.email === undefined) throw new TypeError('a contact cannot be created without an email');
    return {
      action: 'created',
      next: {
        email: patch.email,
        external_id: patch.external_id ?? null,
        created_at,
        updated_at: acceptedAtIso,
        version: 1,
        created_by_event: false,
        fields: fields ?? {},
      },
      changes,
    };
  }
  return {
    action: changed ? 'updated' : 'unchanged',
    next: {
      email: state.email,
      external_id: patch.external_id === undefined ? state.external_id : patch.external_id,
      created_at,
      updated_at: changed ? acceptedAtIso : state.updated_at,
      version: changed ? state.version + 1 : state.version,
      created_by_event: false,
      fields: fields ?? state.fields,
    },
    changes,
  };
}
