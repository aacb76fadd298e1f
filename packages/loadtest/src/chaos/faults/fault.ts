/** What a fault is. */
import type { Random } from '../../random.ts';
import type { World } from '../world.ts';

export type Fault = {
  readonly kind: string;
  /** What it may hit; the schedule chooses one. */
  readonly targets: readonly [string, ...string[]];
  /** Shortest and longest time that it lasts, in milliseconds. Zeros: it is over when it has happened. */
  readonly lastsMs: readonly [number, number];
  /** Makes it happen. @returns how to end it; called once, also when the run is stopped meanwhile. */
  readonly inject: (world: World, target: string, random: Random) => Promise<Lift>;
};

export type Lift = () => Promise<void>;

/** Of faults that end by themselves. */
export const nothingToLift: Lift = async () => undefined;
