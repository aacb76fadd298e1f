/** One item on its way out, with what must become of it. */
export type Fate = 'applied' | 'unchanged' | 'duplicate' | 'rejected' | 'parked' | 'refused';

export type Outgoing = {
  readonly body: unknown;
  /** `refused` = in the answer of its request; the others are ends of the balance. */
  readonly fate: Fate;
  /** What it is counted under: `contact`, a message kind, or `custom_event.<name>`. */
  readonly kind: string;
  /** Codes of the answer when it is refused, one per faulty field. */
  readonly codes?: readonly string[];
  readonly warnings?: readonly string[];
  /** The person whose timeline shows it. */
  readonly person?: number;
  /** State of a custom event after this item. */
  readonly custom?: CustomState;
  /** The address that this event alone names. */
  readonly stranger?: string;
};

export type CustomState = { readonly key: string; readonly live: boolean; readonly goalValue: string | null };

/** A group of contacts that one request may carry: list ids belong to the request. */
export type Group = { readonly lists: readonly ListId[]; readonly confirmed: boolean };

export const LISTS = {
  newsletter: { name: 'Newsletter', doubleOptin: true },
  customers: { name: 'Customers', doubleOptin: false },
} as const;
export type ListId = keyof typeof LISTS;
export const LIST_IDS: readonly ListId[] = ['newsletter', 'customers'];

export type Route =
  | 'contacts.import'
  | 'contacts.upsert'
  | 'timeline.ingest'
  | 'timeline.lines'
  | 'customEvents.import'
  | 'customEvents.upsert';

/** One request. */
export type Call = { readonly route: Route; readonly items: readonly Outgoing[]; readonly group?: Group; readonly byExternalId?: true };

/** Requests that may be in flight side by side; the next wave begins when all of them are acknowledged. */
export type Wave = {
  readonly name: string;
  readonly items: number;
  /** Wait until everything sent so far is applied before this wave begins: it depends on what the data then say. */
  readonly afterApplied: boolean;
  /** Made anew each time it is asked for: the same requests in the same order. */
  readonly calls: () => Iterable<Call>;
};
