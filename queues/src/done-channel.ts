/** Tells an API process that a chunk's effect is in both databases; a lost message only makes the waiter poll. */
import type { Redis } from '@muster/runtime';

export const doneChannel = (processId: string): string => `muster:done:${processId}`;

/** Publishes chunk ids to the processes that wait for them. */
export async function announceDone(redis: Redis, done: readonly { chunkId: string; replyTo: string | null }[]): Promise<void> {
  const pipeline = redis.pipeline();
  let any = false;
  for (const { chunkId, replyTo } of done) {
    if (replyTo === null) continue;
    pipeline.publish(doneChannel(replyTo), chunkId);
    any = true;
  }
  if (any) await pipeline.exec();
}
