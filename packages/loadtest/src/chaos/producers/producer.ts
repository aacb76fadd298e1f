/** What a producer is: something that sends its next request whenever it is asked to, one at a time. */
import type { Random } from '../../random.ts';
import type { Knowledge } from './record.ts';
import type { Sender } from './sender.ts';

export type Producer = {
  /** Sends the next request or the next few; returns how many items they held. */
  step(r: Random): Promise<number>;
  /** Brings to an end what needs an end, after the last step. */
  finish?(): Promise<void>;
};

export type ProducerDeps = {
  knowledge: Knowledge;
  /** Repeats for longer than any fault lasts. */
  patient: Sender;
  /** Gives up after seconds, so that some items' fate stays unknown. */
  hasty: Sender;
};

export const DOMAIN = 'chaos.example';
