/** The demonstration with a generated day: send it, wait until it is applied, read it back, compare; then segments over it. */
import type { Rejection } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { dayWaves } from '../day/day.ts';
import { Expectation } from '../day/expectation.ts';
import { LIST_IDS, LISTS } from '../day/outgoing.ts';
import { tagOf } from '../day/plan.ts';
import { planDay } from '../day/planning.ts';
import { Checks } from './checks.ts';
import { compareAnswers, compareBalance, compareContacts, compareKinds, compareRejections } from './compare.ts';
import { DemoError } from './errors.ts';
import { joinAndLeave } from './live.ts';
import { number, type Output } from './output.ts';
import { readBack } from './readback.ts';
import { showContact, showCounts, showRefused } from './report.ts';
import { takeRunNumber } from './run-number.ts';
import { compareSegments } from './segments.ts';
import { Received, sendWave } from './send.ts';
import { difference, endedOf, readUntil, settle } from './settle.ts';

export type DayOptions = { seed: number; scale: number };

/** Returns whether every figure agrees. */
export async function runDayDemo(client: MusterClient, output: Output, options: DayOptions): Promise<boolean> {
  await prepareLists(client);
  const run = await takeRunNumber(client, options.seed);
  const plan = planDay({ ...options, run, now: Date.now() });
  const waves = dayWaves(plan);
  output.line(`Run ${run} of seed ${plan.seed}: every address ends in .${tagOf(plan.seed, run)}`);
  output.line();

  const before = await settle(client, await client.balance(), 0);
  const start = await client.balance();
  const newest = await newestRejection(client);
  const expectation = new Expectation(plan);
  const received = new Received();
  const startedAt = performance.now();
  const since = () => (performance.now() - startedAt) / 1_000;
  let sending = 0;
  for (const wave of waves) {
    if (wave.afterApplied) await settle(client, start, received.accepted);
    const waveAt = performance.now();
    const progress = output.progress(wave.name, wave.items);
    await sendWave(client, wave, expectation, received, progress);
    progress.done();
    sending += (performance.now() - waveAt) / 1_000;
  }
  await applyAll(client, start, received.accepted, output);
  const seconds = since();
  // What was parked is delivered by itself, a moment after its contact came.
  const ends = await readUntil(
    async () => difference(start, await client.balance()),
    (b) => b.parked === expectation.ends.parked,
  );

  const checks = new Checks();
  const resent = client.stats.itemsSentAgain;
  output.line();
  output.line(
    `${number(received.accepted)} items accepted in ${sending.toFixed(1)} s of sending (${rate(received.accepted, sending)} items/s), all applied after ${seconds.toFixed(1)} s (${rate(received.accepted, seconds)} items/s).`,
  );
  if (before.waiting > 0) output.line('Other work was waiting when the run began: figures of the whole workspace may include it.');
  compareAnswers(checks, expectation, received);
  compareBalance(checks, expectation, received, ends, resent);
  await compareContacts(client, plan, expectation, checks);
  await compareKinds(client, waves, expectation, received, checks, resent);
  const rejections = await rejectionsSince(client, newest);
  compareRejections(checks, expectation, rejections);
  const back = await readBack(client, plan, expectation, checks);

  showCounts(output, checks);
  await showContact(client, output, plan, expectation);
  showRefused(output, received, rejections);
  output.line();
  output.line('Balance (expected by the generator, reported by Muster)');
  for (const line of checks.table(['', 'expected', 'reported'], 'balance: ')) output.line(line);
  output.line();
  output.line(
    `Read back: the whole timelines of ${number(back.persons)} persons, ${number(back.entries)} entries, goals worth ${back.money} EUR.`,
  );
  if (await compareSegments(client, output, checks)) await joinAndLeave(client, output, plan, checks);
  output.line();
  for (const line of checks.verdict()) output.line(line);
  return checks.wrong.length === 0;
}

async function prepareLists(client: MusterClient): Promise<void> {
  for (const id of LIST_IDS) {
    const { name, doubleOptin } = LISTS[id];
    const list = (await client.getList(id)) ?? (await client.createList({ id, name, is_double_optin: doubleOptin }));
    if (list.is_double_optin !== doubleOptin)
      throw new DemoError(
        `The list "${id}" exists and ${list.is_double_optin ? 'asks for' : 'has no'} double opt-in; the demonstration needs it otherwise.`,
      );
  }
}

async function applyAll(client: MusterClient, start: Parameters<typeof settle>[1], accepted: number, output: Output): Promise<void> {
  let shown = endedOf(difference(start, await client.balance()));
  const progress = output.progress('the rest applied', Math.max(0, accepted - shown));
  await settle(client, start, accepted, (ended) => {
    progress.add(ended - shown);
    shown = ended;
  });
  progress.done();
}

async function newestRejection(client: MusterClient): Promise<bigint> {
  for await (const { id } of client.rejections({ limit: 1 })) return BigInt(id);
  return 0n;
}

async function rejectionsSince(client: MusterClient, newest: bigint): Promise<Rejection[]> {
  const found: Rejection[] = [];
  for await (const rejection of client.rejections()) {
    if (BigInt(rejection.id) <= newest) break;
    found.push(rejection);
  }
  return found;
}

const rate = (items: number, seconds: number): string => number(Math.round(items / Math.max(0.001, seconds)));
