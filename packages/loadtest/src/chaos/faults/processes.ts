/** Processes that die, are held down, or freeze. */
import type { ProcessHandle } from '@muster/embedded';
import type { StoreName, World } from '../world.ts';
import { type Fault, nothingToLift } from './fault.ts';

const isStore = (name: string): name is StoreName => name === 'postgres' || name === 'redis' || name === 'clickhouse';
const processOf = (world: World, name: string): ProcessHandle =>
  isStore(name) ? world.stack.stores.processes[name] : world.stack.service(name);

/** SIGKILL; the supervisor starts it again, as it would in production. A target of several names ends them all at once. */
export function kill(kind: string, targets: Fault['targets']): Fault {
  return {
    kind,
    targets,
    lastsMs: [0, 0],
    inject: async (world, target) => {
      await endAll(
        target.split('+').map((name) => processOf(world, name)),
        'SIGKILL',
      );
      return nothingToLift;
    },
  };
}

/** An orderly and fast end (Postgres calls SIGINT its fast shutdown); the supervisor starts it again. */
export function restart(kind: string, targets: Fault['targets']): Fault {
  return {
    kind,
    targets,
    lastsMs: [0, 0],
    inject: async (world, target) => {
      await endAll([processOf(world, target)], 'SIGINT');
      return nothingToLift;
    },
  };
}

/** SIGKILL, and down until the fault is lifted. */
export function takeDown(kind: string, targets: Fault['targets'], lastsMs: Fault['lastsMs']): Fault {
  return {
    kind,
    targets,
    lastsMs,
    inject: async (world, target) => {
      const process = processOf(world, target);
      process.autoRestart = false;
      await endAll([process], 'SIGKILL');
      return async () => {
        process.autoRestart = true;
        await process.start();
      };
    },
  };
}

/** SIGSTOP until the fault is lifted: it keeps its locks and connections, and wakes up to a world that went on. */
export function freeze(kind: string, targets: Fault['targets'], lastsMs: Fault['lastsMs']): Fault {
  return {
    kind,
    targets,
    lastsMs,
    inject: async (world, target) => {
      const process = processOf(world, target);
      signalNow(process, 'SIGSTOP');
      return async () => {
        // It may have been ended meanwhile, by a watchdog or a person: then there is nothing to wake.
        process.kill('SIGCONT');
      };
    },
  };
}

async function endAll(processes: readonly ProcessHandle[], signal: NodeJS.Signals): Promise<void> {
  const ends = processes.map((process) => {
    const { exited } = process;
    signalNow(process, signal);
    return exited;
  });
  await Promise.all(ends);
}

function signalNow(process: ProcessHandle, signal: NodeJS.Signals): void {
  if (!process.kill(signal)) throw new Error(`${process.name} was not running when it was to get ${signal}. Its log: ${process.log}`);
}
