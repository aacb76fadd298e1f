/** Asks for segments to be computed anew, in turn: what changes during a build must be in its result. */
import { SEGMENT_IDS } from '../segments.ts';
import type { Producer, ProducerDeps } from './producer.ts';

export function rebuilds({ patient }: ProducerDeps): Producer {
  let number = 0;
  return {
    step: async () => {
      const id = SEGMENT_IDS[number % SEGMENT_IDS.length];
      number += 1;
      await patient.send('segments.rebuild', { id }, 0);
      return 1;
    },
  };
}
