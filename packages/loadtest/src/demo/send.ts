/** Sends the waves of a day and notes what the answers say. */
import type { AnswerIssue } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { bump, type Expectation } from '../day/expectation.ts';
import type { Call, Wave } from '../day/outgoing.ts';
import type { Progress } from './output.ts';
import { eachOf } from './pool.ts';

/** Requests in flight at a time. */
const WIDTH = 4;
const EXAMPLES = 3;

export type Refusal = { route: string; body: unknown; issues: AnswerIssue[] };

export class Received {
  accepted = 0;
  refused = 0;
  readonly refusedByCode = new Map<string, number>();
  readonly warningsByCode = new Map<string, number>();
  readonly examples: Refusal[] = [];
  /** Job ids of each request, by wave and number of the request in it. */
  readonly jobs = new Map<string, string[][]>();

  note(call: Call, answer: { accepted: number; rejected: readonly AnswerIssue[]; warnings: readonly AnswerIssue[] }): void {
    this.accepted += answer.accepted;
    const byIndex = new Map<number, AnswerIssue[]>();
    for (const issue of answer.rejected) {
      bump(this.refusedByCode, issue.code);
      const index = issue.index ?? 0;
      byIndex.set(index, [...(byIndex.get(index) ?? []), issue]);
    }
    this.refused += byIndex.size;
    for (const { code } of answer.warnings) bump(this.warningsByCode, code);
    for (const [index, issues] of byIndex) this.#example(call.route, call.items[index]?.body, issues);
  }

  /** One example per code, so that the few that are shown differ. */
  #example(route: string, body: unknown, issues: AnswerIssue[]): void {
    if (this.examples.length >= EXAMPLES || body === undefined) return;
    const code = issues[0]?.code;
    if (this.examples.some((e) => e.issues[0]?.code === code || e.route === route)) return;
    this.examples.push({ route, body, issues });
  }
}

export async function sendWave(
  client: MusterClient,
  wave: Wave,
  expectation: Expectation,
  received: Received,
  progress: Progress,
): Promise<void> {
  const jobs: string[][] = [];
  received.jobs.set(wave.name, jobs);
  await eachOf(noted(wave.calls(), expectation), WIDTH, async (call, index) => {
    jobs[index] = await send(client, call, received);
    progress.add(call.items.length);
  });
}

function* noted(calls: Iterable<Call>, expectation: Expectation): Generator<Call> {
  for (const call of calls) {
    expectation.note(call);
    yield call;
  }
}

async function send(client: MusterClient, call: Call, received: Received): Promise<string[]> {
  const bodies = call.items.map((item) => item.body);
  switch (call.route) {
    case 'contacts.upsert': {
      const answer = await client.upsertContact({ contact: bodies[0] });
      received.note(call, { accepted: answer.accepted ?? 1, rejected: [], warnings: answer.warnings });
      return answer.job_id === null ? [] : [answer.job_id];
    }
    case 'contacts.import': {
      const { lists = [], confirmed = false } = call.group ?? {};
      const body = {
        contacts: bodies,
        ...(lists.length > 0 ? { list_ids: lists } : {}),
        ...(confirmed ? { confirmed } : {}),
        ...(call.byExternalId ? { identify_by: 'external_id' as const } : {}),
      };
      return noteBatch(call, await client.importContacts(body), received);
    }
    case 'timeline.ingest':
      return noteBatch(call, await client.ingest(bodies), received);
    case 'timeline.lines':
      return noteBatch(
        call,
        await client.ingestLines(bodies.map((body) => (body === undefined ? '{"kind": "open_em' : JSON.stringify(body)))),
        received,
      );
    case 'customEvents.upsert':
      return noteBatch(call, await client.upsertCustomEvent(bodies[0]), received);
    case 'customEvents.import':
      return noteBatch(call, await client.importCustomEvents(bodies), received);
  }
}

type Batch = { accepted: number; rejected: AnswerIssue[]; warnings: AnswerIssue[]; job_ids: string[] };

function noteBatch(call: Call, answer: Batch, received: Received): string[] {
  received.note(call, answer);
  return answer.job_ids;
}
