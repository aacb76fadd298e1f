/** One turn of one side: time, CPU by process, and what else was seen. */
import type { Bed } from './bed.ts';
import type { Measurement } from './result.ts';

/** @param work returns how many items it got through, and notes. */
export async function measure(
  bed: Pick<Bed, 'signal' | 'cpu'>,
  work: () => Promise<{ items: number; seconds?: number; notes?: Record<string, number> }>,
): Promise<Measurement> {
  bed.signal.throwIfAborted();
  const startedAt = performance.now();
  const { value, cpu } = await bed.cpu.measure(work);
  const seconds = value.seconds ?? (performance.now() - startedAt) / 1_000;
  return measurementOf(value.items, seconds, cpu, value.notes);
}

function measurementOf(
  items: number,
  seconds: number,
  cpu: Readonly<Record<string, number>>,
  notes: Record<string, number> = {},
): Measurement {
  const perItem = Object.entries(cpu).map(([name, micros]): [string, number] => [name, Math.round((micros / items) * 100) / 100]);
  return { items, seconds, rate: items / seconds, cpu_us: Object.fromEntries(perItem), notes };
}

/** Two measurements after each other as one. */
export function together(a: Measurement, b: Measurement, notes: Record<string, number>): Measurement {
  const items = a.items + b.items;
  const names = [...new Set([...Object.keys(a.cpu_us), ...Object.keys(b.cpu_us)])];
  const cpu = names.map((name): [string, number] => [name, (a.cpu_us[name] ?? 0) * a.items + (b.cpu_us[name] ?? 0) * b.items]);
  return measurementOf(items, a.seconds + b.seconds, Object.fromEntries(cpu), notes);
}
