/**
 * Evaluators inside the test process, on the stores of a running stack: a test decides when each takes a step, and what happens at
 * every point inside it. A crash is an evaluator that is thrown away in the middle, for one that knows nothing.
 */
import { randomUUID } from 'node:crypto';
import { workspacesWithSegments } from '@muster/postgres';
import { EvaluationRequests, workspacesToLookAt } from '@muster/queues';
import {
  consumerConnection,
  createLogger,
  createRegistry,
  type Failpoints,
  loadConfig,
  type Redis,
  segmenterSchema,
  sleep,
} from '@muster/runtime';
import { afterAll, beforeAll } from 'vitest';
import type { Deps } from '../../services/segmenter/src/deps.ts';
import { createSegmenterMetrics } from '../../services/segmenter/src/metrics.ts';
import { createMemory, type Memory, type StepEnd } from '../../services/segmenter/src/state.ts';
import { takeStep } from '../../services/segmenter/src/step.ts';
import type { Pipeline, PipelineOptions } from '../support/pipeline.ts';
import { type Stack, startSegmentStack } from './support.ts';

/** A stack without evaluators of its own, for the tests of a file; both are there once the file's first test runs. */
export function useInside(options: PipelineOptions = {}): { readonly stack: Stack; readonly inside: Inside } {
  let made: { stack: Stack; inside: Inside } | null = null;
  const ready = () => {
    if (!made) throw new Error('the stack is not running');
    return made;
  };
  beforeAll(async () => {
    const stack = await startSegmentStack(options);
    made = { stack, inside: new Inside(stack.pipeline) };
  }, 120_000);
  afterAll(async () => {
    await made?.inside.close();
    await made?.stack.close();
  });
  return {
    get stack() {
      return ready().stack;
    },
    get inside() {
      return ready().inside;
    },
  };
}

/** What happens at a point; `detail` is the segment where the point has one. */
export type Hook = (point: string, detail?: string) => void | Promise<void>;

/** Ends an evaluator in the middle of a step. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

export class Inside {
  readonly #deps: Omit<Deps, 'failpoints' | 'holder' | 'clock'>;
  readonly redis: Redis;
  readonly #pipeline: Pipeline;

  constructor(p: Pipeline, env: Record<string, string> = {}) {
    const config = loadConfig(segmenterSchema, { ...p.stack.env, ...env });
    const log = createLogger('test', 'silent');
    this.#pipeline = p;
    this.redis = consumerConnection(config.MUSTER_REDIS_URL, log);
    this.#deps = {
      ...{ config, log, redis: this.redis, pool: p.pool, clickhouse: p.clickhouse },
      requests: new EvaluationRequests(this.redis),
      metrics: createSegmenterMetrics(createRegistry('test')),
      stopping: () => false,
    };
  }

  /** A new process, so to say. */
  evaluator(workspaceId: number): Evaluator {
    return new Evaluator(this.#deps, workspaceId);
  }

  /** The lease of a process that is gone runs out. */
  async expireLease(workspaceId: number): Promise<void> {
    await this.#pipeline.pool.query(`UPDATE segment_evaluators SET leased_until = '-infinity' WHERE workspace_id = $1`, [workspaceId]);
  }

  /** Lets an evaluator work for some time as a process does: when a sweep finds something to do, and not otherwise. */
  async attend(evaluator: Evaluator, ms: number): Promise<void> {
    const until = Date.now() + ms;
    do {
      if (await this.asked(evaluator.workspaceId)) await evaluator.settle();
      await sleep(100);
    } while (Date.now() < until);
  }

  /** Whether a sweep asks for an evaluation. */
  async asked(workspaceId: number): Promise<boolean> {
    const found = (await workspacesWithSegments(this.#pipeline.pool)).find((w) => w.workspaceId === workspaceId);
    return found?.due === true || (await workspacesToLookAt(this.redis, [workspaceId])).length > 0;
  }

  async close(): Promise<void> {
    await this.#deps.requests.close();
    this.redis.disconnect();
  }
}

export class Evaluator {
  hook: Hook = () => undefined;
  /** The moment of its steps, milliseconds; null = Postgres' clock. */
  now: number | null = null;
  readonly #deps: Deps;
  readonly workspaceId: number;
  readonly memory: Memory = createMemory(1_000);

  constructor(deps: Omit<Deps, 'failpoints' | 'holder' | 'clock'>, workspaceId: number) {
    const failpoints: Failpoints = (point, detail) => this.hook(point, detail);
    this.#deps = { ...deps, failpoints, holder: randomUUID(), clock: (now) => this.now ?? now };
    this.workspaceId = workspaceId;
  }

  step(): Promise<StepEnd> {
    return takeStep(this.#deps, this.workspaceId, this.memory);
  }

  /** Steps until nothing is left to do, and the next edge is known to the millisecond. Resolves with `crashed` when a hook ends this evaluator. */
  async settle(): Promise<StepEnd | 'crashed'> {
    for (let n = 0; n < 1_000; n += 1) {
      try {
        const end = await this.step();
        if (end === 'taken' || (end === 'idle' && !this.memory.edgeUnknown)) return end;
      } catch (error) {
        if (error instanceof Crash) return 'crashed';
        throw error;
      }
      await sleep(2);
    }
    throw new Error('the evaluator does not come to rest');
  }
}

/** Does this once, where the evaluator meets the point for the first time from now on. */
export function once(evaluator: Evaluator, point: string, what: () => void | Promise<void>): { readonly met: boolean } {
  const state = { met: false };
  evaluator.hook = async (met) => {
    if (met !== `segmenter.${point}` || state.met) return;
    state.met = true;
    await what();
  };
  return state;
}

/** Something to wait for until a test opens it. */
export function gate(): { passed: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** A step that does not wait for the builds which it begins; they have been read when this resolves, and the next step can switch to them. */
export async function stepBeside(evaluator: Evaluator): Promise<void> {
  const held = gate();
  evaluator.hook = async (point) => {
    if (point === 'segmenter.staged') await held.passed;
  };
  evaluator.memory.previous = 'switched';
  await evaluator.step();
  evaluator.hook = () => undefined;
  held.open();
  await Promise.all([...evaluator.memory.builds.values()].map(({ ended }) => ended));
}
