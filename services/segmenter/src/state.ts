/** What an evaluator remembers between steps, and what the parts of one step find out together. */
import type { Rebuild, SegmentAudit, SegmentFailure, SegmentMoves, SegmentSwitch, Step } from '@muster/postgres';
import type { Touched } from '@muster/queues';
import type { Build } from './build.ts';
import type { Definition, Definitions } from './definitions.ts';
import { KnownMembers } from './known.ts';
import type { Flips, Moment } from './members.ts';

/** Longer than a step takes; a killed process' workspaces wait this long. */
export const LEASE_SECONDS = 6;

/** What an evaluator keeps between steps; all of it can be read or done again. */
export type Memory = {
  /** The last epoch of this process. */
  epoch: number;
  definitions: Definitions | null;
  parsed: Map<string, Omit<Definition, 'row'>>;
  /** As of the last epoch that this process knows to be committed. */
  known: KnownMembers;
  committed: number;
  generation: number;
  /** The rows were changed by a step. */
  stale: boolean;
  watchedAt: number;
  /** When contacts were evaluated since the last look for edges, milliseconds, by dependency. */
  evaluated: Map<string, Map<number, number>>;
  builds: Map<number, Build>;
  /** Logs of complete sets are being written. */
  logging: Promise<void> | null;
  contactsPerStep: number;
  /** What the last step did: evaluated the contacts that it took, or took none. */
  previous: 'evaluated' | 'interrupted' | 'switched';
  /** By the process' clock: when contacts were evaluated last, when no mark was left, and when a build was started that somebody waits for. */
  evaluatedAt: number;
  caughtUpAt: number;
  builtAt: number;
  /** The next edge has to be looked up again. */
  edgeUnknown: boolean;
};

/** `idle`: nothing to do now. `more`: marks are left, or builds are under way. `taken`: somebody else evaluates this workspace. */
export type StepEnd = 'idle' | 'more' | 'taken';

export function createMemory(contactsPerStep: number): Memory {
  return {
    ...{ epoch: -1, definitions: null, parsed: new Map(), generation: -1, stale: true, watchedAt: 0, contactsPerStep, edgeUnknown: true },
    known: new KnownMembers(),
    committed: -1,
    evaluated: new Map(),
    builds: new Map(),
    previous: 'evaluated',
    evaluatedAt: performance.now(),
    caughtUpAt: performance.now(),
    builtAt: Number.NEGATIVE_INFINITY,
    logging: null,
  };
}

/** Another process was the evaluator meanwhile. Builds that are under way are of no use: their marks were taken by somebody else. */
export function forget(memory: Memory): void {
  memory.builds.clear();
  forgetEvaluations(memory);
  Object.assign(memory, { definitions: null, generation: -1, stale: true, edgeUnknown: true });
}

/** What was evaluated may not have been committed. */
export function forgetEvaluations({ known, evaluated }: Memory): void {
  known.forget();
  evaluated.clear();
}

/** What the parts of a step find out together. */
export type Findings = {
  moves: SegmentMoves[];
  switches: SegmentSwitch[];
  failures: SegmentFailure[];
  audits: SegmentAudit[];
  rebuild: Rebuild[];
  flips: Flips[];
  /** Marks for segments that refer to one that was switched. */
  touched: Touched;
};

/** Whether a step has sent anything to ClickHouse yet: an epoch without rows need not be remembered. */
export type Wrote = { anything: boolean };

/** The moment of a step, and what it works on. */
export type StepContext = Moment & { wrote: Wrote; step: Step; definitions: Definitions; memory: Memory };

/** Whether no other step of this workspace has begun in this process since: after a pause of seconds, a job may run a second time beside itself. */
export const isLatest = ({ step, memory }: StepContext): boolean => step.epoch === memory.epoch;
