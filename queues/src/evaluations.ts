/** Asking for the segments of a workspace to be evaluated. Asked again while it waits or runs, it runs once more. */
import type { Redis } from '@muster/runtime';
import { Queue } from 'bullmq';
import { QUEUE_PREFIX, SEGMENTS_QUEUE } from './names.ts';
import { type EvaluationJob, PAYLOAD_VERSION } from './payloads.ts';

export class EvaluationRequests {
  readonly #queue: Queue;

  constructor(redis: Redis) {
    this.#queue = new Queue(SEGMENTS_QUEUE, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
    // The connection logs its own errors; without a listener they would end the process.
    this.#queue.on('error', () => undefined);
  }

  async request(workspaceId: number): Promise<void> {
    const data: EvaluationJob = { v: PAYLOAD_VERSION, ws: workspaceId };
    await this.#queue.add('evaluate', data, {
      deduplication: { id: `ws-${workspaceId}`, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: { count: 20 },
    });
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}
