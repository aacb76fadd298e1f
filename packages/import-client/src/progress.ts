/** How far it is: a bar that moves on a terminal, else a line now and then. */
import { SingleBar } from 'cli-progress';

export type Progress = { move(value: number, total: number, note?: string): void; done(): void };
export type Screen = {
  line(text?: string): void;
  progress(label: string): Progress;
  /** Takes a bar that is shown away. */
  clear(): void;
};

const LABEL = 10;
const LINE_MS = 5_000;

export function createScreen(stream: NodeJS.WriteStream): Screen {
  stream.on('error', (error: Error) => {
    // A closed pipe (`… | head`) must not end an upload half way.
    if (!('code' in error) || error.code !== 'EPIPE') throw error;
  });
  let shown: Progress | null = null;
  const line = (text = ''): void => void stream.write(`${text}\n`);
  return {
    line,
    progress: (label) => {
      shown = stream.isTTY ? bar(stream, label) : lines(line, label);
      return shown;
    },
    clear: () => shown?.done(),
  };
}

function bar(stream: NodeJS.WriteStream, label: string): Progress {
  const format = `  ${label.padEnd(LABEL)} {bar} {percentage}%  {note}`;
  const single = new SingleBar({ format, stream, barsize: 28, barCompleteChar: '█', barIncompleteChar: '░', hideCursor: false });
  let state: 'new' | 'shown' | 'done' = 'new';
  return {
    move: (value, total, note = '') => {
      if (state === 'new') single.start(Math.max(1, total), value, { note });
      if (state !== 'done') state = 'shown';
      single.setTotal(Math.max(1, total));
      single.update(total === 0 ? 1 : value, { note });
    },
    done: () => {
      if (state === 'shown') single.stop();
      state = 'done';
    },
  };
}

function lines(line: (text: string) => void, label: string): Progress {
  let saidAt = Number.NEGATIVE_INFINITY;
  let last = '';
  let said = '';
  const say = () => {
    if (last !== said) line(last);
    said = last;
    saidAt = performance.now();
  };
  return {
    move: (value, total, note = '') => {
      const percent = total === 0 ? 100 : Math.floor((100 * value) / total);
      last = `  ${label.padEnd(LABEL)} ${String(percent).padStart(3)}%  ${note}`.trimEnd();
      if (performance.now() - saidAt >= LINE_MS) say();
    },
    done: () => {
      if (last !== '') say();
    },
  };
}
