/** Networks that are slow, stand still, break or refuse; each acts on one of the proxies. */
import type { Random } from '../../random.ts';
import type { Cut, FaultyProxy } from '../proxy.ts';
import type { World } from '../world.ts';
import { type Fault, nothingToLift } from './fault.ts';

const how = (random: Random): Cut => random.pick(['rst', 'fin']);

function proxyOf(world: World, target: string): FaultyProxy {
  if (target === 'postgres' || target === 'redis' || target === 'clickhouse') return world.proxies[target];
  if (target === 'clients') return world.proxies.api;
  throw new RangeError(`there is no proxy before ${target}`);
}

/** Every chunk of bytes waits, in both directions. */
export function slow(target: string, delayMs: readonly [number, number]): Fault {
  return {
    kind: `slow-${target}`,
    targets: [target],
    lastsMs: [4_000, 8_000],
    inject: async (world) => {
      const proxy = proxyOf(world, target);
      proxy.set({ kind: 'slow', minMs: delayMs[0], maxMs: delayMs[1] });
      return async () => proxy.normal();
    },
  };
}

/** Connections stay open and carry nothing, as behind a switch that forgot them for a while. */
export function stall(target: string): Fault {
  return {
    kind: `stall-${target}`,
    targets: [target],
    lastsMs: [2_000, 6_000],
    inject: async (world) => {
      const proxy = proxyOf(world, target);
      proxy.set({ kind: 'stall' });
      return async () => proxy.normal();
    },
  };
}

/** Requests arrive and are carried out, and nobody gets an answer; in the end the connections break. */
export function mute(target: string): Fault {
  return {
    kind: `mute-${target}`,
    targets: [target],
    lastsMs: [2_000, 6_000],
    inject: async (world, _, random) => {
      const proxy = proxyOf(world, target);
      proxy.set({ kind: 'mute' });
      return async () => {
        // Before the answers that it holds can go on.
        proxy.cut(how(random));
        proxy.normal();
      };
    },
  };
}

/** Every open connection breaks at once. */
export function cut(target: string): Fault {
  return {
    kind: `cut-${target}`,
    targets: [target],
    lastsMs: [0, 0],
    inject: async (world, _, random) => {
      proxyOf(world, target).cut(how(random));
      return nothingToLift;
    },
  };
}

/** Open connections break, and new ones are refused until the fault is lifted. */
export function refuse(kind: string, targets: Fault['targets']): Fault {
  return {
    kind,
    targets,
    lastsMs: [2_000, 6_000],
    inject: async (world, target, random) => {
      const proxy = proxyOf(world, target);
      proxy.set({ kind: 'refuse' });
      proxy.cut(how(random));
      return async () => proxy.normal();
    },
  };
}
