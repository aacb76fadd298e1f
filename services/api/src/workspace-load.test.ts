import { expect, it } from 'vitest';
import { weigh } from './workspace-load.ts';

const depth = (queue: string, waiting: number, oldestMs: number | null) => ({ queue, waiting, active: 0, oldestMs });

it('counts what a workspace brought to a queue since its oldest waiting job', () => {
  const counts = { '1|a|10': '5', '1|a|12': '7', '1|b|12': '100', '2|a|13': '3' };
  const { waiting, done } = weigh(counts, [depth('a', 4, 12 * 5_000 + 1), depth('b', 0, null)], 13);
  expect([...waiting]).toEqual([
    [1, 7],
    [2, 3],
  ]);
  expect(done).toEqual(['1|a|10', '1|b|12']);
});

it('keeps the current bucket of an empty queue: another process may be about to add to it', () => {
  expect(weigh({ '1|a|13': '5' }, [depth('a', 0, null)], 13)).toEqual({ waiting: new Map(), done: [] });
});
