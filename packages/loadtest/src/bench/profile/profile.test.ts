import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { callTree, parseProfile, selfTimes } from './cpuprofile.ts';
import { flameGraph } from './flame.ts';
import { reportProfiles } from './report.ts';

const frame = (functionName: string, url = '', lineNumber = -1) => ({ functionName, url, lineNumber, scriptId: '0', columnNumber: 0 });
/** main calls work twice over, once through helper; the process idles half of the time. */
const PROFILE = JSON.stringify({
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('main', 'file:///home/x/muster/services/api/src/main.ts', 0), children: [4, 5] },
    { id: 4, callFrame: frame('work<"&\u0007', 'file:///home/x/muster/node_modules/bullmq/dist/job.js', 9) },
    { id: 5, callFrame: frame('', 'node:internal/timers', 4), children: [6] },
    { id: 6, callFrame: frame('work<"&\u0007', 'file:///home/x/muster/node_modules/bullmq/dist/job.js', 9) },
  ],
  startTime: 0,
  endTime: 12_000,
  samples: [2, 4, 4, 3, 6, 5, 2],
  timeDeltas: [3_000, 1_000, 2_000, 1_000, 2_000, -5, 3_000],
});

test('the tree holds the busy time only, each frame its own and its callees', () => {
  const root = callTree(parseProfile(PROFILE));
  expect(root.total).toBe(6_000);
  const [main] = root.children;
  expect(main).toMatchObject({ name: 'main', place: 'services/api/src/main.ts', self: 1_000, total: 6_000 });
  expect(main?.children.map((c) => [c.name, c.place, c.self, c.total])).toEqual([
    ['work<"&\u0007', 'bullmq/dist/job.js:10', 3_000, 3_000],
    ['(anonymous)', 'node:internal/timers:5', 0, 2_000],
  ]);
});

test('self times add up one function over all its callers, longest first', () => {
  expect(selfTimes(callTree(parseProfile(PROFILE))).map((s) => [s.place, s.micros])).toEqual([
    ['bullmq/dist/job.js:10', 5_000],
    ['services/api/src/main.ts', 1_000],
  ]);
});

test('the flame graph is as wide as the time, nested as the calls, and well-formed whatever the names are', () => {
  const svg = flameGraph(callTree(parseProfile(PROFILE)), 'api <1>');
  const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)].map((m) => m.slice(1).map(Number));
  // root, main, work, timer, work: the last two start where the first work ends.
  expect(boxes).toEqual([
    [0, 44, 1600],
    [0, 61, 1600],
    [0, 78, 800],
    [800, 78, 533.3],
    [800, 95, 533.3],
  ]);
  expect(svg).toContain('api &#60;1&#62;');
  expect(svg).toContain('work&#60;&#34;&#38;? bullmq/dist/job.js:10\n3 ms (50.0 %), itself 3 ms');
  const tags = [...svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)];
  const open: string[] = [];
  for (const [, closing, name, alone] of tags) {
    if (closing) expect(open.pop()).toBe(name);
    else if (!alone) open.push(name ?? '');
  }
  expect(open).toEqual([]);
  expect(svg.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|[^\P{Cc}\n]/u);
});

test('frames too narrow to be seen are left out, an empty profile is an empty graph', () => {
  const thin = PROFILE.replace('"samples":[2,', '"samples":[6,').replace('"timeDeltas":[3000,', '"timeDeltas":[90000000,');
  expect(flameGraph(callTree(parseProfile(thin)), 'x').match(/<g>/g)).toHaveLength(4);
  const empty = callTree(parseProfile('{"nodes":[],"samples":[],"timeDeltas":[]}'));
  expect(flameGraph(empty, 'x')).toContain('</svg>');
  expect(() => parseProfile('{"nodes":[{}]}')).toThrow();
});

test('writes a graph and a table beside each profile', () => {
  const directory = mkdtempSync(join(tmpdir(), 'muster-profiles-'));
  try {
    writeFileSync(join(directory, 'api-1.cpuprofile'), PROFILE);
    const lines = reportProfiles(directory);
    expect(lines.join('\n')).toMatch(/work.*bullmq\/dist\/job\.js:10 +5 +83\.3 %/);
    expect(readFileSync(join(directory, 'api-1.svg'), 'utf8')).toContain('<svg');
    expect(readFileSync(join(directory, 'api-1.txt'), 'utf8')).toContain('services/api/src/main.ts');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
