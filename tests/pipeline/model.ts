/** A simple model of SPEC §1-§4 over few keys: what a sequence of items must lead to. It knows nothing of chunks, versions or stores. */
import { expect } from 'vitest';

export type ListId = 'news' | 'club';
type Status = 'active' | 'pending' | 'unsubscribed' | 'bounced' | 'complained';
export type Upsert = {
  op: 'upsert';
  email: string;
  n?: number | null;
  ext?: string | null;
  byId?: boolean;
  created?: string;
  lists?: ListId[];
  confirmed?: boolean;
};
export type ProfileStep =
  | Upsert
  | { op: 'set'; email: string; list: ListId; status: Status }
  | { op: 'remove'; email: string; list: ListId }
  | { op: 'change'; email: string; to: string };
export type EventStep = {
  kind: 'open_email' | 'bounce_email' | 'complain_email' | 'unsubscribe_email';
  id?: string;
  email?: string;
  ext?: string;
  list?: ListId;
};
export type CustomStep = { key: string; n: number; email?: string; ext?: string; deleted?: boolean };
export type Phase =
  // `cut` = items per chunk; `again` = the whole request is sent a second time under its Idempotency-Key.
  | { type: 'profiles'; steps: ProfileStep[]; cut: number; again: boolean }
  | { type: 'events'; steps: EventStep[]; again: boolean }
  | { type: 'custom'; steps: CustomStep[]; cut: number; again: boolean }
  | { type: 'erase'; email: string };

export type SentPhase = Exclude<Phase, { type: 'erase' }>;

export type Shown = { kind: string; changes: Record<string, unknown> };
export type Contact = {
  email: string;
  ext: string | null;
  n: number | null;
  created: string | null;
  /** An upsert may still set created_at. */
  settable: boolean;
  lists: Map<ListId, Status>;
  entries: Shown[];
  opens: number;
};
type Head = { contact: Contact; n: number; deleted: boolean; at: number };
type Parked = { ext: string; at: number; custom?: CustomStep };
/** Terms of the balance. */
export type Counts = Record<'accepted' | 'applied' | 'unchanged' | 'duplicate' | 'rejected' | 'parked' | 'erased', number>;

export class Model {
  contacts: Contact[] = [];
  readonly heads = new Map<string, Head>();
  readonly counts: Counts = { accepted: 0, applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0, erased: 0 };
  parked: Parked[] = [];
  readonly #ids = new Set<string>();
  #time = 0;

  /** Applies a phase and returns the verdict code of each step. */
  apply(phase: Phase): string {
    if (phase.type === 'erase') {
      const gone = this.#byEmail(phase.email);
      this.contacts = this.contacts.filter((c) => c !== gone);
      for (const [key, head] of this.heads) if (head.contact === gone) this.heads.delete(key);
      return '';
    }
    const verdicts =
      phase.type === 'profiles'
        ? phase.steps.map((s) => this.#profile(s))
        : phase.type === 'events'
          ? phase.steps.map((s) => this.#event(s))
          : phase.steps.map((s) => this.#custom(s, ++this.#time));
    this.counts.accepted += verdicts.length;
    for (const v of verdicts) this.#count(v, 1);
    if (phase.again) {
      this.counts.accepted += verdicts.length;
      this.counts.duplicate += verdicts.length;
    }
    this.#deliverParked();
    return verdicts.join('');
  }

  /**
   * While something is parked, one item of a phase may touch external ids: what waits for an id goes to whoever has it when the chunk
   * is done, so a second move in the same phase would make the answer depend on the chunks.
   */
  restrain(phase: Phase): Phase {
    if (phase.type !== 'profiles' || this.parked.length === 0) return phase;
    let free = true;
    const steps = phase.steps.map((step): ProfileStep => {
      if (step.op !== 'upsert' || !Object.hasOwn(step, 'ext')) return step;
      const { ext: _, byId: __, ...rest } = step;
      const kept = free ? step : rest;
      free = false;
      return kept;
    });
    return { ...phase, steps };
  }

  #count(verdict: string, by: number): void {
    const term =
      verdict === 'n' ? 'unchanged' : verdict === 'd' ? 'duplicate' : verdict === 'r' ? 'rejected' : verdict === 'k' ? 'parked' : 'applied';
    this.counts[term] += by;
  }

  #byEmail = (email: string | undefined): Contact | undefined => this.contacts.find((c) => c.email === email);
  #byExt = (ext: string | null | undefined): Contact | undefined => (ext ? this.contacts.find((c) => c.ext === ext) : undefined);

  #create(email: string): Contact {
    const contact: Contact = { email, ext: null, n: null, created: null, settable: true, lists: new Map(), entries: [], opens: 0 };
    contact.entries.push({ kind: 'contact.created', changes: {} });
    this.contacts.push(contact);
    return contact;
  }

  #profile(step: ProfileStep): string {
    if (step.op === 'upsert') return this.#upsert(step);
    const contact = this.#byEmail(step.email);
    if (!contact) return 'r';
    if (step.op === 'change') {
      if (step.to === step.email) return 'n';
      if (this.#byEmail(step.to)) return 'r';
      this.#rename(contact, step.to);
      return 'u';
    }
    const old = contact.lists.get(step.list) ?? null;
    if (step.op === 'remove') {
      if (old === null) return 'n';
      contact.lists.delete(step.list);
      contact.entries.push({ kind: 'list.removed', changes: { status: { old, new: null } } });
      return 'u';
    }
    if (old === step.status) return 'n';
    const revived = old === 'pending' ? 'list.confirmed' : 'list.resubscribed';
    this.#member(contact, step.list, step.status, step.status === 'active' && old !== null ? revived : undefined);
    return 'u';
  }

  #rename(contact: Contact, to: string): void {
    contact.entries.push({ kind: 'contact.email_changed', changes: { email: { old: contact.email, new: to } } });
    contact.email = to;
  }

  #upsert(step: Upsert): string {
    const [holder, owner] = [this.#byEmail(step.email), this.#byExt(step.ext)];
    if (step.byId) {
      if (!step.ext || (owner && holder && owner !== holder)) return 'r';
      if (!owner && holder?.ext) return 'r';
    } else if (owner && owner !== holder) return 'r';
    const target = (step.byId ? owner : undefined) ?? holder;
    let verdict = 'c';
    if (target) {
      const renamed = target.email !== step.email;
      if (renamed) this.#rename(target, step.email);
      const changes = this.#merge(target, step);
      const changed = Object.keys(changes).length > 0;
      if (changed) target.entries.push({ kind: 'contact.updated', changes });
      verdict = changed || renamed ? 'u' : 'n';
    } else this.#merge(this.#create(step.email), step);
    const contact = target ?? this.#byEmail(step.email);
    for (const list of step.lists ?? []) if (contact) this.#subscribe(contact, list, step.confirmed === true);
    return verdict;
  }

  #merge(contact: Contact, step: Upsert): Record<string, unknown> {
    const changes: Record<string, unknown> = {};
    if (Object.hasOwn(step, 'ext') && step.ext !== contact.ext) {
      changes.external_id = { old: contact.ext, new: step.ext };
      contact.ext = step.ext ?? null;
    }
    if (Object.hasOwn(step, 'n') && step.n !== contact.n) {
      changes.custom_number_1 = { old: contact.n, new: step.n };
      contact.n = step.n ?? null;
    }
    if (step.created && contact.settable) {
      changes.created_at = { old: expect.any(String), new: step.created };
      contact.created = step.created;
    }
    contact.settable = false;
    return changes;
  }

  #subscribe(contact: Contact, list: ListId, confirmed: boolean): void {
    const old = contact.lists.get(list);
    const active = confirmed || list === 'news';
    if (old === 'pending' && active) this.#member(contact, list, 'active', 'list.confirmed');
    else if (old === undefined) this.#member(contact, list, active ? 'active' : 'pending');
  }

  #member(contact: Contact, list: ListId, status: Status, kind = status === 'active' ? 'list.subscribed' : `list.${status}`): void {
    contact.entries.push({ kind, changes: { status: { old: contact.lists.get(list) ?? null, new: status } } });
    contact.lists.set(list, status);
  }

  #event(step: EventStep): string {
    if (step.id !== undefined && this.#ids.has(step.id)) return 'd';
    if (step.id !== undefined) this.#ids.add(step.id);
    const contact = step.email === undefined ? this.#byExt(step.ext) : (this.#byEmail(step.email) ?? this.#create(step.email));
    if (!contact) {
      this.parked.push({ ext: step.ext ?? '', at: this.#time });
      return 'k';
    }
    contact.opens += 1;
    if (step.kind === 'open_email') return 's';
    const to = ({ bounce_email: 'bounced', complain_email: 'complained', unsubscribe_email: 'unsubscribed' } as const)[step.kind];
    if (step.kind === 'unsubscribe_email' && step.list) {
      if (contact.lists.get(step.list) !== to) this.#member(contact, step.list, to);
    } else
      for (const list of [...contact.lists.keys()].sort())
        if (['active', 'pending'].includes(contact.lists.get(list) ?? '')) this.#member(contact, list, to);
    return 's';
  }

  #custom(step: CustomStep, at: number): string {
    const contact = step.email === undefined ? this.#byExt(step.ext) : (this.#byEmail(step.email) ?? this.#create(step.email));
    if (!contact) {
      this.parked.push({ ext: step.ext ?? '', at, custom: step });
      return 'k';
    }
    const head = this.heads.get(step.key);
    if (head && head.at > at) return 'n';
    this.heads.set(step.key, { contact, n: step.n, deleted: step.deleted === true, at });
    return head ? 'u' : 'c';
  }

  #deliverParked(): void {
    const waiting = this.parked;
    this.parked = [];
    for (const item of waiting) {
      const contact = this.#byExt(item.ext);
      if (!contact) {
        this.parked.push(item);
        continue;
      }
      this.#count('k', -1);
      if (item.custom) this.#count(this.#custom(item.custom, item.at), 1);
      else {
        contact.opens += 1;
        this.#count('s', 1);
      }
    }
  }
}
