/** Sends a history: each commit as a custom event, each author once as a contact, in batches, at the pace of the answers. */
import type { AnswerIssue } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { bump } from '../day/expectation.ts';
import type { Progress } from '../demo/output.ts';
import { eachOf } from '../demo/pool.ts';
import { authorContact, authorKey, commitEvent, yearOf } from './items.ts';
import type { Commit } from './log.ts';
import { Tally } from './tally.ts';

const BATCH = 1_000;
const WIDTH = 4;

export type SentHistory = {
  commitsAccepted: number;
  authorsAccepted: number;
  /** Distinct addresses sent, those that are none included. */
  authorsSent: number;
  /** Commits that were refused. */
  refused: Tally;
  refusedByCode: Map<string, number>;
  refusedAuthors: Map<string, string>;
};

type Batch = { commits: Commit[]; authors: Commit[] };

export async function sendHistory(
  client: MusterClient,
  commits: AsyncIterable<Commit>,
  importId: string,
  progress: Progress,
): Promise<SentHistory> {
  const sent: SentHistory = {
    commitsAccepted: 0,
    authorsAccepted: 0,
    authorsSent: 0,
    refused: new Tally(),
    refusedByCode: new Map(),
    refusedAuthors: new Map(),
  };
  await eachOf(batches(commits, sent), WIDTH, async (batch) => {
    if (batch.authors.length > 0) await sendAuthors(client, batch.authors, sent);
    const answer = await client.importCustomEvents(batch.commits.map((commit) => commitEvent(commit, importId)));
    sent.commitsAccepted += answer.accepted;
    for (const [index, issues] of byIndex(answer.rejected)) {
      const commit = batch.commits[index];
      if (!commit) continue;
      sent.refused.add(authorKey(commit.email).key, yearOf(commit.authoredAt));
      for (const { code } of issues) bump(sent.refusedByCode, code);
    }
    progress.add(batch.commits.length);
  });
  return sent;
}

async function sendAuthors(client: MusterClient, authors: readonly Commit[], sent: SentHistory): Promise<void> {
  const answer = await client.importContacts({ contacts: authors.map(authorContact) });
  sent.authorsAccepted += answer.accepted;
  for (const { index = 0, code } of answer.rejected) sent.refusedAuthors.set(authors[index]?.email ?? '', code);
}

/** Each author goes with the batch of the newest commit, whose name is the current one. */
async function* batches(commits: AsyncIterable<Commit>, sent: SentHistory): AsyncGenerator<Batch> {
  const seen = new Set<string>();
  let batch: Batch = { commits: [], authors: [] };
  for await (const commit of commits) {
    const { key } = authorKey(commit.email);
    if (!seen.has(key)) {
      seen.add(key);
      sent.authorsSent = seen.size;
      batch.authors.push(commit);
    }
    batch.commits.push(commit);
    if (batch.commits.length < BATCH) continue;
    yield batch;
    batch = { commits: [], authors: [] };
  }
  if (batch.commits.length > 0) yield batch;
}

function byIndex(issues: readonly AnswerIssue[]): Map<number, AnswerIssue[]> {
  const found = new Map<number, AnswerIssue[]>();
  for (const issue of issues) found.set(issue.index ?? 0, [...(found.get(issue.index ?? 0) ?? []), issue]);
  return found;
}
