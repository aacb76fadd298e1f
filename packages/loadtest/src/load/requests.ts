/**
 * Makes the requests of a load. What request n says follows from the seed and n alone; only the ids of its events carry the name of
 * the run, so that a second run of the same seed is new to the system.
 *
 * Bodies are put together as text: the generator shares the machine with what it measures, and building objects to encode them
 * costs several times as much.
 */
import { random, weighted } from '../random.ts';
import { contactPicker } from './contacts.ts';
import { CALL_KINDS, type CallName, requestWeights } from './mix.ts';
import type { LoadOptions } from './options.ts';

export type LoadRequest = {
  readonly call: CallName;
  readonly items: number;
  readonly body: string;
  /** Its ids were acknowledged before: every item must end as duplicate. */
  readonly again: boolean;
};

type Choices = Pick<LoadOptions, 'MIX' | 'BATCH' | 'CONTACTS' | 'SKEW' | 'IDS' | 'DUPLICATES' | 'SEED'>;

const KINDS = ['open_email', 'open_email', 'click_email', 'insert_message_history'] as const;

export class RequestSource {
  readonly #options: Choices;
  readonly #run: string;
  readonly #weights: ReturnType<typeof requestWeights>;
  readonly #pick: ReturnType<typeof contactPicker>;
  readonly #again: LoadRequest[] = [];
  #made = 0;
  #items = 0;
  #acknowledged = 0;

  /** @param run letters and digits that no earlier run used. */
  constructor(options: Choices, run: string) {
    this.#options = options;
    this.#run = run;
    this.#weights = requestWeights(options.MIX, options.BATCH);
    this.#pick = contactPicker(options.CONTACTS, options.SKEW);
  }

  /** The next request, of the named call where one is named; what is to be sent again comes first. */
  next(wanted?: CallName): LoadRequest {
    const at = wanted === undefined ? 0 : this.#again.findIndex(({ call }) => call === wanted);
    const [again] = at < 0 ? [] : this.#again.splice(at, 1);
    if (again) return again;
    const { BATCH, SEED } = this.#options;
    this.#made += 1;
    const r = random(SEED, 'load', this.#made);
    const call = wanted ?? weighted(r, this.#weights);
    const { single, events } = CALL_KINDS[call];
    const items = single ? 1 : BATCH;
    const parts: string[] = [];
    for (let i = 0; i < items; i += 1) {
      this.#items += 1;
      parts.push(events ? this.#event(this.#items, r) : this.#contact(this.#items, r));
    }
    const list = parts.join(',');
    const body = events ? `{"events":[${list}]}` : single ? `{"contact":${list}}` : `{"contacts":[${list}]}`;
    return { call, items, body, again: false };
  }

  /** Tells that a request was acknowledged: from now on its events can be sent again. */
  acknowledged(request: LoadRequest): void {
    const { DUPLICATES, SEED } = this.#options;
    if (DUPLICATES === 0 || request.again || !CALL_KINDS[request.call].events) return;
    this.#acknowledged += 1;
    if (random(SEED, 'again', this.#acknowledged).chance(DUPLICATES)) this.#again.push({ ...request, again: true });
  }

  #event(n: number, r: ReturnType<typeof random>): string {
    const id = this.#options.IDS ? `"id":"${this.#run}-${n}",` : '';
    return `{${id}"email":"${address(this.#pick(r))}","kind":"${r.pick(KINDS)}","message_id":"m-${n % 1_000}","properties":{"n":${n}}}`;
  }

  #contact(n: number, r: ReturnType<typeof random>): string {
    const k = this.#pick(r);
    return `{"email":"${address(k)}","first_name":"First ${k}","last_name":"Last ${n % 1_000}","country":"DE","custom_number_1":${n}}`;
  }
}

export const address = (contact: number): string => `contact-${contact}@load.example`;
