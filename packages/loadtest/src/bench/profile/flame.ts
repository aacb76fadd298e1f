/** A call tree as a flame graph: one SVG file without scripts, callers above callees, as wide as their share of the busy time. */
import type { Frame } from './cpuprofile.ts';

const WIDTH = 1_600;
const ROW = 17;
const HEAD = 44;
const CHARACTER = 6.6;
/** Narrower frames are left out: they could not be seen, and there are thousands of them. */
const MIN_WIDTH = 0.6;

type Box = { frame: Frame; x: number; width: number; depth: number };

export function flameGraph(root: Frame, title: string): string {
  const boxes = layOut(root);
  const depth = boxes.reduce((deepest, box) => Math.max(deepest, box.depth), 0);
  const height = HEAD + (depth + 1) * ROW + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="8" y="18" font-size="14">${escaped(title)}</text>`,
    `<text x="8" y="34" fill="#666666">${milliseconds(root.total)} of CPU; red: this project, yellow: packages, blue: Node, grey: engine. Point at a frame to read it.</text>`,
    ...boxes.map((box) => draw(box, root.total)),
    '</svg>',
    '',
  ].join('\n');
}

function layOut(root: Frame): Box[] {
  const boxes: Box[] = [];
  const scale = WIDTH / Math.max(1, root.total);
  const place = (frame: Frame, x: number, depth: number): void => {
    const width = frame.total * scale;
    if (width < MIN_WIDTH) return;
    boxes.push({ frame, x, width, depth });
    let at = x;
    // Widest first: what matters stands on the left, and two graphs of one program look alike.
    for (const child of [...frame.children].sort((a, b) => b.total - a.total)) {
      place(child, at, depth + 1);
      at += child.total * scale;
    }
  };
  place(root, 0, 0);
  return boxes;
}

function draw({ frame, x, width, depth }: Box, total: number): string {
  const y = HEAD + depth * ROW;
  const share = `${((100 * frame.total) / Math.max(1, total)).toFixed(1)} %`;
  const hint = `${frame.name} ${frame.place}\n${milliseconds(frame.total)} (${share}), itself ${milliseconds(frame.self)}`;
  const room = Math.floor((width - 4) / CHARACTER);
  const label = room < 3 ? '' : frame.name.length <= room ? frame.name : `${frame.name.slice(0, room - 1)}…`;
  const text = label === '' ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>`;
  const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(frame)}" stroke="#ffffff" stroke-width="0.5"/>`;
  return `<g><title>${escaped(hint)}</title>${box}${text}</g>`;
}

function colour({ place }: Frame): string {
  if (place === '') return '#c8c8c8';
  if (place.startsWith('node:')) return '#9ec5e8';
  return /^(packages|services|queues)\//.test(place) ? '#ef8a62' : '#f6d55c';
}

const milliseconds = (micros: number): string => `${Math.round(micros / 1_000).toLocaleString('en-US')} ms`;

/** Names come from code that may be minified into anything; a control character would make the file no XML. */
function escaped(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '?').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
