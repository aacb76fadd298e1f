/** Asking for an import to be looked at, after it was started, resumed or cancelled. Asked again while it is worked on, it is looked at once more. */
import type { Redis } from '@muster/runtime';
import { Queue } from 'bullmq';
import { IMPORTS_QUEUE, QUEUE_PREFIX } from './names.ts';
import { type ImportJob, PAYLOAD_VERSION } from './payloads.ts';

export class ImportRequests {
  readonly #queue: Queue;

  constructor(redis: Redis) {
    this.#queue = new Queue(IMPORTS_QUEUE, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
    // The connection logs its own errors; without a listener they would end the process.
    this.#queue.on('error', () => undefined);
  }

  /** A request that is lost all the same (Redis was away) is made again by the workers' sweep. */
  async request(workspaceId: number, importId: string): Promise<void> {
    const data: ImportJob = { v: PAYLOAD_VERSION, ws: workspaceId, id: importId };
    await this.#queue.add('import', data, {
      deduplication: { id: importId, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: { count: 20 },
    });
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}
