import { spawnSync } from 'node:child_process';

/** A command with its arguments, ready for `spawn`. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** Which system user a process runs as, and whether it needs root's right to pass closed directories. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
  /** True when the process must reach files below directories that are closed to its user (for instance /root). */
  readonly passClosedDirectories: boolean;
}

let setprivUsable: boolean | undefined;

/** True when util-linux' `setpriv` can arm a parent-death signal here. Asked once per process: the answer cannot change. */
export function hasSetpriv(): boolean {
  setprivUsable ??= process.platform === 'linux' && spawnSync('setpriv', ['--pdeathsig', 'TERM', '--', 'true']).status === 0;
  return setprivUsable;
}

/**
 * Wraps a command so that the kernel signals it when the supervisor dies, however it dies, and so that it runs as
 * another user when asked to. `setpriv` replaces itself by the command: the pid is the command's own.
 *
 * Without `setpriv` the command is returned unchanged (the next start then finds the orphans by their records) and the
 * caller drops root through `spawn`'s uid and gid.
 */
export function bindToParent(command: Command, deathSignal: 'TERM' | 'INT', runAs?: RunAs): Command {
  if (!hasSetpriv()) return command;
  const flags = ['--pdeathsig', deathSignal];
  if (runAs !== undefined) flags.push('--reuid', String(runAs.uid), '--regid', String(runAs.gid), '--clear-groups');
  if (runAs?.passClosedDirectories === true) {
    // no_setuid_fixup: access(2) would otherwise drop the capability for a non-root user, and Postgres asks access(2).
    flags.push('--securebits', '+no_setuid_fixup', '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override');
  }
  return { file: 'setpriv', args: [...flags, '--', command.file, ...command.args] };
}
