/**
 * A profile chunk in memory: the contacts and memberships that its items name, changed item by item, in order. Pure: everything
 * was read before, everything is written afterwards.
 *
 * Each item has its own verdict, timeline entry and version step, so what an item does never depends on how items were chunked;
 * only the SQL around this is set-based.
 */
import { applyPatch, type ContactState, decideMembership, type Membership, type MembershipDecision } from '@muster/domain';
import type { ContactRow, MembershipRow, Verdict } from '@muster/postgres';
import { type ChangeEmailItem, itemId, type MembershipItem, type ProfileItem, type UpsertItem } from '@muster/queues';
import type { Entry } from '../delivery/outbox.ts';
import { isoOfMicros } from '../delivery/rows.ts';
import { type Refusal, refusals } from '../refusals.ts';

export type Loaded = {
  workspaceId: number;
  acceptedAt: number;
  contacts: readonly ContactRow[];
  memberships: readonly MembershipRow[];
  /** Live lists by id. */
  lists: ReadonlyMap<string, { is_double_optin: boolean }>;
  /** Ids for new contacts, taken before the transaction. */
  freeIds: readonly number[];
  /** True when the identifier was erased at or after the chunk's acceptance. */
  isErased: (kind: 'email' | 'external_id', value: string) => boolean;
  isErasedContact: (contactId: number) => boolean;
};

type Working = { row: ContactRow; isNew: boolean; dirty: boolean; email0: string; externalId0: string | null };
type WorkingMembership = { row: MembershipRow; dirty: boolean };
/** `membership`: the profile was stored, a list asked for was not there any more. */
export type RefusedItem = { item: ProfileItem; refusal: Refusal; source?: 'membership' };

export class ProfileBatch {
  readonly #loaded: Loaded;
  readonly #acceptedIso: string;
  readonly #contacts = new Map<number, Working>();
  readonly #byEmail = new Map<string, number>();
  readonly #byExternalId = new Map<string, number>();
  readonly #memberships = new Map<string, WorkingMembership>();
  #usedIds = 0;
  readonly entries: Entry[] = [];
  readonly refused: RefusedItem[] = [];
  readonly mirrored = new Set<number>();
  readonly newExternalIds = new Set<string>();

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
    this.#acceptedIso = isoOfMicros(loaded.acceptedAt);
    for (const row of loaded.contacts) this.#track({ row, isNew: false, dirty: false, email0: row.email, externalId0: row.external_id });
    for (const row of loaded.memberships) this.#memberships.set(`${row.contact_id}|${row.list_id}`, { row, dirty: false });
  }

  get usedIds(): readonly number[] {
    return this.#loaded.freeIds.slice(0, this.#usedIds);
  }

  /** Applies one item and returns what became of it. */
  apply(item: ProfileItem): Verdict {
    if (item.op === 'upsert') return this.#upsert(item);
    return item.op === 'membership' ? this.#membership(item) : this.#changeEmail(item);
  }

  /** Refuses an item without touching anything: a culprit found by the crash markers, or one that its data makes impossible. */
  refuse(item: ProfileItem, refusal: Refusal): Verdict {
    this.refused.push({ item, refusal });
    return { v: 'r', i: itemId(item) };
  }

  #upsert(item: UpsertItem): Verdict {
    const { patch } = item;
    const externalId = patch.external_id ?? null;
    const byId = item.identify_by === 'external_id';
    if (this.#loaded.isErased('email', patch.email) || (byId && externalId !== null && this.#loaded.isErased('external_id', externalId)))
      return { v: 'e', i: itemId(item) };
    const owner = externalId === null ? undefined : this.#contact(this.#byExternalId.get(externalId));
    const holder = this.#contact(this.#byEmail.get(patch.email));
    if (byId && externalId === null) return this.refuse(item, refusals.externalIdRequired);
    if (byId && owner && owner !== holder && holder) return this.refuse(item, refusals.emailTaken);
    if (byId && !owner && holder && holder.row.external_id !== null) return this.refuse(item, refusals.externalIdMismatch);
    if (!byId && owner && owner !== holder) return this.refuse(item, refusals.externalIdTaken);
    const target = (byId ? owner : undefined) ?? holder;
    const verdict = target ? this.#update(item, target) : this.#create(item);
    const outcomes = this.#subscribe(item, verdict.id ?? 0);
    return outcomes ? { ...verdict, m: outcomes } : verdict;
  }

  #create(item: UpsertItem): Verdict {
    const id = this.#loaded.freeIds[this.#usedIds];
    if (id === undefined) throw new Error('more new contacts than ids taken for the chunk');
    this.#usedIds += 1;
    const { next } = applyPatch(null, item.patch, this.#acceptedIso);
    const row: ContactRow = { ...next, contact_id: id };
    this.#track({ row, isNew: true, dirty: true, email0: row.email, externalId0: null });
    if (row.external_id !== null) this.newExternalIds.add(row.external_id);
    this.#entry(item, id, 'contact.created');
    this.mirrored.add(id);
    return { v: 'c', id, i: itemId(item) };
  }

  #update(item: UpsertItem, target: Working): Verdict {
    const before = target.row;
    const { action, next, changes } = applyPatch(toState(before), item.patch, this.#acceptedIso);
    const emailChanged = next.email !== item.patch.email;
    if (action === 'unchanged' && !emailChanged) {
      if (before.created_by_event) this.#store(target, { ...before, created_by_event: false });
      return { v: 'n', id: before.contact_id, i: itemId(item) };
    }
    this.#store(target, {
      ...next,
      contact_id: before.contact_id,
      email: item.patch.email,
      updated_at: this.#acceptedIso,
      version: before.version + 1,
    });
    if (emailChanged)
      this.#entry(item, before.contact_id, 'contact.email_changed', { email: { old: before.email, new: item.patch.email } });
    if (action === 'updated') this.#entry(item, before.contact_id, 'contact.updated', changes);
    return { v: 'u', id: before.contact_id, i: itemId(item) };
  }

  #changeEmail(item: ChangeEmailItem): Verdict {
    const target = this.#find(item);
    if (target === 'erased' || this.#loaded.isErased('email', item.new_email)) return { v: 'e', i: itemId(item) };
    if (!target) return this.refuse(item, refusals.contactNotFound);
    const { row } = target;
    if (row.email === item.new_email) return { v: 'n', id: row.contact_id, i: itemId(item) };
    if (this.#byEmail.has(item.new_email)) return this.refuse(item, { ...refusals.emailTaken, field: 'new_email' });
    this.#store(target, { ...row, email: item.new_email, updated_at: this.#acceptedIso, version: row.version + 1 });
    this.#entry(item, row.contact_id, 'contact.email_changed', { email: { old: row.email, new: item.new_email } });
    return { v: 'u', id: row.contact_id, i: itemId(item) };
  }

  #membership(item: MembershipItem): Verdict {
    const target = this.#find(item);
    if (target === 'erased') return { v: 'e', i: itemId(item) };
    if (!target) return this.refuse(item, refusals.contactNotFound);
    const contactId = target.row.contact_id;
    const listIds = item.list_ids ?? this.#listsOf(contactId);
    const outcomes: Record<string, string> = {};
    let changed = false;
    for (const listId of listIds) {
      const before = this.entries.length;
      outcomes[listId] = this.#decide(item, contactId, listId, item.decision);
      changed ||= this.entries.length > before;
    }
    const gone = listIds.length > 0 && listIds.every((l) => outcomes[l] === 'list_gone');
    if (gone && item.decision.type !== 'side_effect' && item.decision.type !== 'remove') return this.refuse(item, refusals.listGone);
    return { v: changed ? 'u' : 'n', id: contactId, i: itemId(item), ...(listIds.length > 0 ? { m: outcomes } : {}) };
  }

  /** Memberships asked for in an upsert; a list that is gone by now is reported and listed, the profile is stored all the same. */
  #subscribe(item: UpsertItem, contactId: number): Record<string, string> | null {
    if (!item.list_ids || item.list_ids.length === 0) return null;
    const outcomes: Record<string, string> = {};
    for (const listId of item.list_ids) {
      outcomes[listId] = this.#decide(item, contactId, listId, { type: 'subscribe', confirmed: item.confirmed ?? false });
      if (outcomes[listId] === 'list_gone') this.refused.push({ item, refusal: refusals.listGone, source: 'membership' });
    }
    return outcomes;
  }

  #decide(item: ProfileItem, contactId: number, listId: string, decision: MembershipDecision): string {
    const key = `${contactId}|${listId}`;
    const list = this.#loaded.lists.get(listId);
    // Removing works on a hidden list, too: that is how its memberships are worked off.
    if (!list && decision.type !== 'remove') return 'list_gone';
    const current = this.#memberships.get(key);
    const { outcome, next, kind } = decideMembership(
      current ? toMembership(current.row) : null,
      list ?? { is_double_optin: false },
      decision,
      this.#loaded.acceptedAt,
    );
    if (!next) return outcome;
    const row: MembershipRow = {
      contact_id: contactId,
      list_id: listId,
      status: next.status,
      removed: next.removed,
      decided_at: next.decided_at,
      created_at: isoOfMicros(next.created_at),
      updated_at: isoOfMicros(next.updated_at),
      version: (current?.row.version ?? 0) + 1,
    };
    this.#memberships.set(key, { row, dirty: true });
    if (kind) {
      const old = current && !current.row.removed ? current.row.status : null;
      this.#entry(item, contactId, kind, { status: { old, new: next.removed ? null : next.status } }, listId);
    }
    return outcome;
  }

  #find(item: { email?: string | undefined; contact_id?: number | undefined }): Working | 'erased' | null {
    if (item.contact_id !== undefined) {
      if (this.#loaded.isErasedContact(item.contact_id)) return 'erased';
      return this.#contact(item.contact_id) ?? null;
    }
    if (item.email === undefined) return null;
    if (this.#loaded.isErased('email', item.email)) return 'erased';
    return this.#contact(this.#byEmail.get(item.email)) ?? null;
  }

  #listsOf(contactId: number): string[] {
    const ids: string[] = [];
    for (const { row } of this.#memberships.values()) if (row.contact_id === contactId && !row.removed) ids.push(row.list_id);
    return ids.sort();
  }

  #contact(id: number | undefined): Working | undefined {
    return id === undefined ? undefined : this.#contacts.get(id);
  }

  #track(working: Working): void {
    this.#contacts.set(working.row.contact_id, working);
    this.#byEmail.set(working.row.email, working.row.contact_id);
    if (working.row.external_id !== null) this.#byExternalId.set(working.row.external_id, working.row.contact_id);
  }

  #store(target: Working, row: ContactRow): void {
    const before = target.row;
    if (before.email !== row.email) this.#byEmail.delete(before.email);
    if (before.external_id !== null && before.external_id !== row.external_id) this.#byExternalId.delete(before.external_id);
    if (row.external_id !== null && row.external_id !== before.external_id) this.newExternalIds.add(row.external_id);
    target.row = row;
    target.dirty = true;
    this.#track(target);
    if (row.version !== before.version) this.mirrored.add(row.contact_id);
  }

  #entry(item: ProfileItem, contactId: number, kind: string, changes?: Record<string, unknown>, listId?: string): void {
    const n = this.#entriesOf(item);
    this.entries.push({
      c: contactId,
      k: kind,
      i: `${itemId(item)}/${n}`,
      // Order within the request (anew every 2^26 items): 64 places an item, the event itself has the 32nd, what it causes comes after it.
      o: (item.index % 67_108_864) * 64 + Math.min(n + (item.op === 'membership' && item.decision.type === 'side_effect' ? 40 : 0), 63),
      ...(listId === undefined ? {} : { l: listId }),
      ...(changes ? { ch: changes } : {}),
    });
  }

  #entriesOf(item: ProfileItem): number {
    const prefix = `${itemId(item)}/`;
    let n = 0;
    for (let at = this.entries.length - 1; at >= 0 && this.entries[at]?.i.startsWith(prefix); at -= 1) n += 1;
    return n;
  }

  /** The rows that the mirror needs, as {@link writes} leaves them. */
  written(): { contacts: ContactRow[]; memberships: MembershipRow[] } {
    return { contacts: [...this.mirrored].flatMap((id) => this.#contact(id)?.row ?? []), memberships: this.#dirtyMemberships() };
  }

  #dirtyMemberships(): MembershipRow[] {
    return [...this.#memberships.values()].filter((m) => m.dirty).map((m) => m.row);
  }

  /** What is to be written, and which unique keys change hands within the chunk. */
  writes(): {
    inserts: ContactRow[];
    updates: ContactRow[];
    memberships: MembershipRow[];
    releaseEmails: number[];
    releaseExternalIds: number[];
  } {
    const inserts: ContactRow[] = [];
    const updates: ContactRow[] = [];
    const releaseEmails: number[] = [];
    const releaseExternalIds: number[] = [];
    for (const { row, isNew, dirty, email0, externalId0 } of this.#contacts.values()) {
      if (!dirty) continue;
      if (isNew) {
        inserts.push(row);
        continue;
      }
      updates.push(row);
      if (row.email !== email0 && this.#byEmail.has(email0)) releaseEmails.push(row.contact_id);
      if (externalId0 !== null && row.external_id !== externalId0 && this.#byExternalId.has(externalId0))
        releaseExternalIds.push(row.contact_id);
    }
    return { inserts, updates, memberships: this.#dirtyMemberships(), releaseEmails, releaseExternalIds };
  }
}

function toState(row: ContactRow): ContactState {
  // The column holds what normalisation let through, so it is JSON; the merge only compares and copies it.
  return { ...row, fields: row.fields as ContactState['fields'] };
}

function toMembership(row: MembershipRow): Membership {
  return {
    status: row.status,
    removed: row.removed,
    decided_at: row.decided_at,
    created_at: Date.parse(row.created_at) * 1_000,
    updated_at: Date.parse(row.updated_at) * 1_000,
  };
}
