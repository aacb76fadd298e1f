import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { CpuMeter, parseStat } from './cpu.ts';

/** A process that does nothing but have a busy child. */
const BUSY = 'setInterval(() => { const end = Date.now() + 50; while (Date.now() < end); }, 10)';
const PARENT = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(BUSY)}]); setInterval(() => {}, 1e6);`;

test('reads a line of /proc, whatever the name of the process is', () => {
  const line = '42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 250 50 3 2 20 0 11 0 100 1000 1 0';
  expect(parseStat(42, line)).toEqual({ pid: 42, parent: 7, ticks: 305 });
});

test.runIf(process.platform === 'linux')('counts what a process and its children use', async () => {
  const child = spawn(process.execPath, ['-e', PARENT], { detached: true });
  await once(child, 'spawn');
  try {
    const meter = new CpuMeter([
      { name: 'busy', pid: () => child.pid },
      { name: 'absent', pid: () => undefined },
    ]);
    const { value, cpu } = await meter.measure(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return 'value';
    });
    expect(value).toBe('value');
    expect(Object.keys(cpu).sort()).toEqual(['busy', 'generator']);
    expect(cpu.busy).toBeGreaterThan(100_000);
    expect(cpu.generator).toBeLessThan(cpu.busy ?? 0);
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }
});

test('leaves out a process that was replaced meanwhile: its counters start anew', async () => {
  let pid = process.pid;
  const meter = new CpuMeter([{ name: 'service', pid: () => pid }]);
  const { cpu } = await meter.measure(async () => {
    pid = process.ppid;
  });
  expect(Object.keys(cpu)).toEqual(['generator']);
});
