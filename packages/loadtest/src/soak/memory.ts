/**
 * Memory of the stack's processes, from /proc: resident memory, and for Postgres, whose processes share their buffers, the memory that
 * each has for itself, summed up.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { LocalStack } from '@muster/embedded';
import { LoadError } from '../load/errors.ts';

/** Bytes by process name; a process that is down has none. */
export type Memory = Record<string, number>;

/** @throws LoadError where the kernel has no /proc. */
export function assertMemoryIsReadable(): void {
  if (memoryOf(process.pid, 'VmRSS') === null)
    throw new LoadError('The soak reads memory from /proc, which this system lacks. Run it on Linux.');
}

export function readMemory(stack: LocalStack): Memory {
  const memory: Memory = {};
  const { redis, clickhouse, postgres } = stack.stores.processes;
  for (const { name, pid } of [...stack.services, redis, clickhouse]) note(memory, name, pid, (id) => memoryOf(id, 'VmRSS'));
  note(memory, 'postgres', postgres.pid, ownMemoryOfTree);
  return memory;
}

function note(memory: Memory, name: string, pid: number | undefined, read: (pid: number) => number | null): void {
  const bytes = pid === undefined ? null : read(pid);
  if (bytes !== null) memory[name] = bytes;
}

function ownMemoryOfTree(root: number): number | null {
  const own = memoryOf(root, 'RssAnon');
  if (own === null) return null;
  return childrenOf(root).reduce((sum, child) => sum + (ownMemoryOfTree(child) ?? 0), own);
}

/** Null when there is no such process (any more). */
export function memoryOf(pid: number, field: 'VmRSS' | 'RssAnon'): number | null {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readProc(`${pid}/status`))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1_024;
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === parent)
    .map(Number);
}

/** The field after the state; the name before it is in brackets and may hold anything. */
function parentOf(pid: string): number {
  const stat = readProc(`${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Empty for a process that ended, which can happen between any two looks. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
