/**
 * The board's view of a queue. Jobs leave it masked, whatever route asks: the mask sits on the job's `toJSON`, through which
 * every route of the board reads a job.
 */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { isLane } from '@muster/queues';
import type { Job, Queue } from 'bullmq';
import { maskData, maskJob } from './mask.ts';

export class MaskedAdapter extends BullMQAdapter {
  constructor(queue: Queue) {
    const lane = isLane(queue.name);
    const options = {
      readOnlyMode: lane,
      allowCompletedRetries: false,
      description: lane ? 'Strictly first in, first out: read-only. A lane repeats its work by itself.' : 'Failed jobs may be retried.',
    };
    super(queue, options);
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const job = await super.getJob(id);
    return job && masked(job);
  }

  override async getJobs(...args: Parameters<BullMQAdapter['getJobs']>): Promise<Job[]> {
    return (await super.getJobs(...args)).map(masked);
  }

  /** Nothing of ours writes job logs, so whatever stands there is not known to be free of personal data. */
  override getJobLogs(): Promise<string[]> {
    return Promise.resolve([]);
  }

  override async getJobSchedulers(): ReturnType<BullMQAdapter['getJobSchedulers']> {
    const schedulers = await super.getJobSchedulers();
    return schedulers.map(({ template, ...rest }) => (template ? { ...rest, template: { data: maskData(template.data) } } : rest));
  }
}

function masked(job: Job): Job {
  const toJSON = job.toJSON.bind(job);
  const retry = job.retry.bind(job);
  // What was completed is never run again, also when asked for by address.
  job.retry = async (state) => {
    if (state === 'failed') await retry(state);
  };
  job.toJSON = () => ({ ...toJSON(), ...emptied(toJSON()), ...maskJob(toJSON()) });
  return job;
}

/** Every field set to undefined first, so that only what the mask lets through remains. */
function emptied(json: object): Record<string, undefined> {
  return Object.fromEntries(Object.keys(json).map((key) => [key, undefined]));
}
