import { expect, test } from 'vitest';
import { type Clock, closedLoop, openLoop, type Pace, type Stream } from './pace.ts';
import type { LoadRequest } from './requests.ts';

/** Time that stands still but for those who sleep: the earliest sleeper is woken when nobody else has anything to do. */
class TestClock implements Clock {
  #now = 1_000;
  readonly #sleepers: { at: number; wake: () => void }[] = [];
  now = (): number => this.#now;
  sleep = (ms: number): Promise<void> =>
    new Promise((wake) => {
      this.#sleepers.push({ at: this.#now + ms, wake });
    });

  async run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    void work.finally(() => {
      done = true;
    });
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return work;
      this.#sleepers.sort((a, b) => a.at - b.at);
      const next = this.#sleepers.shift();
      if (!next) throw new Error('everything waits for nothing');
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }
}

const request = (items = 1): LoadRequest => ({ call: 'single_event', items, body: '', again: false });
const at = (itemsPerSecond: number, items = 1): Stream[] => [{ itemsPerSecond, items, next: () => request(items) }];

type Sent = { due: number; start: number; latency: number };

/** A server that answers after `serviceMs(start)`, 1,000 being the start of the run. */
function setUp(serviceMs: (start: number) => number): { clock: TestClock; sent: Sent[]; pace: (more: Partial<Pace>) => Pace } {
  const clock = new TestClock();
  const sent: Sent[] = [];
  const pace = (more: Partial<Pace>): Pace => ({
    clock,
    durationMs: 1_000,
    width: 10,
    send: async (_, due) => {
      const start = clock.now();
      await clock.sleep(serviceMs(start));
      sent.push({ due, start, latency: clock.now() - due });
    },
    stopped: () => false,
    ...more,
  });
  return { clock, sent, pace };
}

test('open loop: requests are due at fixed times, however long answers take', async () => {
  const { clock, sent, pace } = setUp(() => 35);
  const paced = await clock.run(openLoop(pace({}), at(100)));
  expect(sent.map((s) => Math.round(s.due))).toEqual(Array.from({ length: 100 }, (_, n) => 1_000 + 10 * n));
  expect(paced).toEqual({ late: 0, maxLateMs: 0, unsentItems: 0 });
  expect(sent.every((s) => s.start === s.due && Math.round(s.latency) === 35)).toBe(true);
});

test('open loop: a batch stands for as much time as its items', async () => {
  const { clock, sent, pace } = setUp(() => 1);
  await clock.run(openLoop(pace({}), at(200, 50)));
  expect(sent.map((s) => Math.round(s.due))).toEqual([1_000, 1_250, 1_500, 1_750]);
});

test('open loop: each call keeps its own rhythm, and two of the same rate do not stay in step', async () => {
  const { clock, sent, pace } = setUp(() => 1);
  await clock.run(openLoop(pace({}), [...at(200, 50), ...at(10), ...at(10)]));
  const dues = sent.map((s) => Math.round(s.due - 1_000)).sort((a, b) => a - b);
  expect(dues).toHaveLength(24);
  // Batches every 250 ms from 0; singles every 100 ms, a third and two thirds of that later.
  expect(dues.slice(0, 8)).toEqual([0, 33, 67, 133, 167, 233, 250, 267]);
});

test('open loop: a server that stands still for 400 ms is charged for every request of that time', async () => {
  const { clock, sent, pace } = setUp((start) => (start < 1_400 ? 1_400 - start : 1));
  const paced = await clock.run(openLoop(pace({ width: 1 }), at(100)));
  expect(sent).toHaveLength(100);
  // One connection: the first request takes the whole 400 ms, those due meanwhile start late, and their wait counts.
  expect(sent.slice(0, 30).every((s, n) => s.latency >= 400 - 10 * n)).toBe(true);
  expect(sent.filter((s) => s.latency > 200).length).toBeGreaterThanOrEqual(20);
  expect(paced.late).toBeGreaterThan(35);
  expect(Math.round(paced.maxLateMs)).toBeGreaterThanOrEqual(389);
  expect(paced.unsentItems).toBe(0);
});

test('open loop: no more outstanding than there are connections; what was due and never sent is counted', async () => {
  const { clock, sent, pace } = setUp(() => 100);
  let open = 0;
  let most = 0;
  const { send } = pace({});
  const counting: Pace['send'] = async (request, due) => {
    open += 1;
    most = Math.max(most, open);
    await send(request, due);
    open -= 1;
  };
  const paced = await clock.run(openLoop(pace({ width: 2, send: counting }), at(100)));
  expect(most).toBe(2);
  // Two connections, ten requests a second each, for the second of the run and the one that is left for what was due.
  expect(sent.length).toBe(40);
  expect(paced.unsentItems).toBe(60);
  expect(sent.at(-1)?.latency).toBeGreaterThan(1_500);
});

test('open loop: what is due just before the end is sent, though a timer comes late', async () => {
  const { clock, sent, pace } = setUp(() => 1);
  const late: Clock = { now: clock.now, sleep: (ms) => clock.sleep(ms + 15) };
  const paced = await clock.run(openLoop(pace({ clock: late }), at(100)));
  expect(sent).toHaveLength(100);
  expect(paced.unsentItems).toBe(0);
  expect(paced.late).toBeGreaterThan(0);
});

test('closed loop: each connection sends when its last request was answered', async () => {
  const { clock, sent, pace } = setUp(() => 100);
  const paced = await clock.run(closedLoop(pace({ width: 3 }), request));
  expect(sent.length).toBe(30);
  expect(sent.every((s) => s.start === s.due && s.latency === 100)).toBe(true);
  expect(paced.late).toBe(0);
});

test('both end when told to, with everything answered', async () => {
  for (const loop of [(p: Pace) => openLoop(p, at(100)), (p: Pace) => closedLoop(p, request)]) {
    const { clock, sent, pace } = setUp(() => 100);
    await clock.run(loop(pace({ stopped: () => clock.now() >= 1_300 })));
    expect(sent.length).toBeGreaterThan(20);
    expect(sent.every((s) => s.start < 1_310)).toBe(true);
  }
});
