/** Runs work over lazily made items, a few at a time; the first error stops the rest and is thrown. */
export async function eachOf<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let index = 0;
  let failed = false;
  // Asking an iterator for its next item before it gave the last one is not allowed: one asks at a time.
  let turn: Promise<unknown> = Promise.resolve();
  const take = (): Promise<{ item: T; index: number } | null> => {
    const taken = turn.then(async () => {
      if (failed) return null;
      const next = await source.next();
      return next.done === true ? null : { item: next.value, index: index++ };
    });
    turn = taken.catch(() => undefined);
    return taken;
  };
  const runner = async (): Promise<void> => {
    try {
      for (let next = await take(); next !== null; next = await take()) await work(next.item, next.index);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: width }, runner));
  const wrong = results.find((r) => r.status === 'rejected');
  if (wrong) throw wrong.reason;
}
