/**
 * Isolates poison inside a chunk, so that one bad item never takes its neighbours along and never stops its lane.
 *
 * `isolated`: halves under savepoints until the item that the database refuses stands alone. `walk`: for a chunk that killed its
 * worker; range by range, with a marker outside the transaction that names the range being worked on, and the range in which the last
 * walk ended item by item. Ids and positions of the items never change.
 */
import { type Client, isDataError, markPlace, openMarker, type Place } from '@muster/postgres';
import { errorFields } from '@muster/runtime';
import type { Deps } from './deps.ts';

/** How a chunk is applied: all at once, in halves that isolate what is refused, or range by range. */
export type Mode = 'set' | 'isolated' | 'walk';

export type IsolatedWork = {
  apply: (from: number, to: number) => Promise<void>;
  /** The item at `position` is refused: by the database, or because it ended the worker twice (`culprit`). */
  refuse: (position: number, culprit: boolean) => void;
};

/** Items of a range of a walk. A thousand items one by one took 8 to 15 seconds, in which the lane stood still. */
const RANGE = 32;

export async function applyIsolated(
  deps: Deps,
  client: Client,
  chunkId: string,
  items: number,
  mode: Exclude<Mode, 'set'>,
  work: IsolatedWork,
): Promise<void> {
  if (mode === 'isolated') return halves(client, 0, items, work);
  const { culprits, suspect } = await openMarker(deps.sidePool, chunkId);
  const step = async (place: Place, to: number): Promise<void> => {
    await markPlace(deps.sidePool, chunkId, place);
    try {
      await halves(client, place.item, to, work);
    } catch (error) {
      // An error that passes (a lock, a restart) did not end the worker: the place must not be blamed for it on the next walk.
      await markPlace(deps.sidePool, chunkId, null).catch((e: unknown) =>
        deps.log.warn(errorFields(e), 'the marker of a walk was not cleared'),
      );
      throw error;
    }
  };
  for (let from = 0; from < items; from += RANGE) {
    const to = Math.min(items, from + RANGE);
    const within = (position: number | undefined): boolean => position !== undefined && position >= from && position < to;
    if (!within(suspect?.item) && !culprits.some(within)) {
      await step({ item: from, range: true }, to);
      continue;
    }
    for (let position = from; position < to; position += 1)
      if (culprits.includes(position)) work.refuse(position, true);
      else await step({ item: position, range: false }, position + 1);
  }
  // The walk is over; what ends the worker from here on is not an item.
  await markPlace(deps.sidePool, chunkId, null);
}

async function halves(client: Client, from: number, to: number, work: IsolatedWork): Promise<void> {
  await client.query('SAVEPOINT part');
  try {
    await work.apply(from, to);
    await client.query('RELEASE SAVEPOINT part');
  } catch (error) {
    if (!isDataError(error) && !isProgrammingError(error)) throw error;
    // Fails when it was the connection that broke: then no item is to blame, and the chunk is repeated.
    await client.query('ROLLBACK TO SAVEPOINT part');
    await client.query('RELEASE SAVEPOINT part');
    if (to - from === 1) return work.refuse(from, false);
    const middle = (from + to) >> 1;
    await halves(client, from, middle, work);
    await halves(client, middle, to, work);
  }
}

/**
 * An error that our own code raises over what an item holds; repeating cannot help. Only believed inside a savepoint that could be
 * rolled back: a driver whose connection broke may raise one, too.
 */
export function isProgrammingError(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError || error instanceof SyntaxError;
}
