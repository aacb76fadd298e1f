/** V8's CPU profiles: a tree of calls with the time spent in each, without the time in which the process had nothing to do. */
import { z } from 'zod';

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number().int(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number().int() }),
      children: z.array(z.number().int()).default([]),
    }),
  ),
  samples: z.array(z.number().int()),
  timeDeltas: z.array(z.number()),
});
export type CpuProfile = z.infer<typeof profileSchema>;

/** One function at one place in the tree; times in microseconds. */
export type Frame = { name: string; place: string; self: number; total: number; children: Frame[] };

export type SelfTime = { name: string; place: string; micros: number };

/** @throws ZodError when the text is no CPU profile. */
export function parseProfile(text: string): CpuProfile {
  return profileSchema.parse(JSON.parse(text));
}

/** The tree under `(root)`. */
export function callTree(profile: CpuProfile): Frame {
  const self = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    // A delta may be negative by a little where clocks of cores differ.
    self.set(id, (self.get(id) ?? 0) + Math.max(0, profile.timeDeltas[i] ?? 0));
  });
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const build = (id: number): Frame[] => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return [];
    const children = node.children.flatMap(build);
    const own = self.get(id) ?? 0;
    const total = children.reduce((sum, child) => sum + child.total, own);
    return [{ name: node.callFrame.functionName || '(anonymous)', place: placeOf(node.callFrame), self: own, total, children }];
  };
  const [first] = profile.nodes;
  const [root] = first === undefined ? [] : build(first.id);
  return root ?? { name: '(root)', place: '', self: 0, total: 0, children: [] };
}

/** Time in a function itself, over all places from which it is called; longest first. */
export function selfTimes(root: Frame): SelfTime[] {
  const sums = new Map<string, SelfTime>();
  const walk = (frame: Frame): void => {
    const key = `${frame.name} ${frame.place}`;
    const sum = sums.get(key) ?? { name: frame.name, place: frame.place, micros: 0 };
    sum.micros += frame.self;
    sums.set(key, sum);
    for (const child of frame.children) walk(child);
  };
  walk(root);
  return [...sums.values()].filter((s) => s.micros > 0).sort((a, b) => b.micros - a.micros);
}

/** The file as a reader of the checkout knows it, and the line where there is one; a package by its name. */
function placeOf({ url, lineNumber }: { url: string; lineNumber: number }): string {
  if (url === '') return '';
  const path = url.replace(/^file:\/\//, '').replace(/\?.*$/, '');
  const inPackage = path.lastIndexOf('/node_modules/');
  const inCheckout = /\/((?:packages|services|queues)\/.*)$/.exec(path)?.[1];
  const file = inPackage >= 0 ? path.slice(inPackage + '/node_modules/'.length) : (inCheckout ?? path);
  // The loader of TypeScript puts a module on one line: its first line says nothing.
  return lineNumber > 0 ? `${file}:${lineNumber + 1}` : file;
}
