import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errorCode } from '../errors.ts';

/**
 * A process id alone does not name a process: ids are reused. Together with the moment the process started (and, on
 * Linux, the boot) it does, so nothing is ever signalled that merely inherited a recorded id.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process, different for any other that ever had this pid. */
  readonly birth: string;
}

/** The identity of a live process, or undefined when no such process runs (a zombie counts as not running). */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') return identifyByProc(pid);
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return started === '' ? undefined : { pid, birth: started };
  } catch {
    // ps exits with 1 when there is no such process.
    return undefined;
  }
}

function identifyByProc(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may hold spaces; the fields count from behind the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    if (state === undefined || startTicks === undefined || state === 'Z' || state === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { pid, birth: `${boot}/${startTicks}` };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

/** True while exactly this process runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.birth === identity.birth;
}

/** Processes whose executable has this base name and whose working directory is `cwd` (Linux; elsewhere none are found). */
export function findByWorkingDirectory(executable: string, cwd: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readlinkSync(`/proc/${entry}/cwd`) !== cwd) continue;
      const exe = readlinkSync(`/proc/${entry}/exe`);
      if (!exe.endsWith(`/${executable}`)) continue;
    } catch (error) {
      // Gone meanwhile, or another user's: not ours in either case.
      const code = errorCode(error);
      if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') continue;
      throw error;
    }
    const identity = identify(Number(entry));
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

/** Sends a signal; a process that is already gone is not an error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/**
 * Ends a process that is not our child: the signal, then SIGCONT (a stopped process acts on nothing else), then SIGKILL
 * after the deadline.
 *
 * @param deadlineMs milliseconds granted for the orderly way.
 */
export async function endProcess(identity: ProcessIdentity, signal: NodeJS.Signals, deadlineMs: number): Promise<void> {
  if (!isAlive(identity)) return;
  sendSignal(identity.pid, signal);
  sendSignal(identity.pid, 'SIGCONT');
  const killAt = Date.now() + deadlineMs;
  let killed = false;
  while (isAlive(identity)) {
    if (!killed && Date.now() >= killAt) {
      sendSignal(identity.pid, 'SIGKILL');
      killed = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
