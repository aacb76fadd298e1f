import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:os';
import { expect, test } from 'vitest';
import { memoryOf } from './memory.ts';

test.runIf(platform() === 'linux')('reads the memory of a process, and knows when there is none', async () => {
  const mb = 64;
  const child = spawn(process.execPath, [
    '-e',
    `const b = Buffer.alloc(${mb} * 1048576, 1); console.log(b.length); setInterval(() => b, 1e6)`,
  ]);
  try {
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    expect(memoryOf(pid, 'RssAnon')).toBeGreaterThan(mb * 1_048_576);
    expect(memoryOf(pid, 'VmRSS')).toBeGreaterThan(memoryOf(pid, 'RssAnon') ?? Number.POSITIVE_INFINITY);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  expect(memoryOf(child.pid ?? 0, 'VmRSS')).toBeNull();
});
