/**
 * The demonstration with a real history: commits of HEAD become custom events, their authors contacts. What Muster then shows per
 * author and year is compared with what `git log` counts in a walk of its own.
 */
import { randomUUID } from 'node:crypto';
import type { MusterClient } from '../client/client.ts';
import { Checks } from '../demo/checks.ts';
import { columns, number, type Output } from '../demo/output.ts';
import { eachOf } from '../demo/pool.ts';
import { difference, ENDS, readUntil, settle } from '../demo/settle.ts';
import { countLines, cut } from '../demo/show.ts';
import { authorKey } from './items.ts';
import { countByAuthorAndYear, openHistory, readCommits } from './log.ts';
import { type SentHistory, sendHistory } from './send-history.ts';
import { Tally } from './tally.ts';

const SHOWN = 15;
const WIDTH = 6;

/** Returns whether every figure agrees. */
export async function runRepoDemo(client: MusterClient, output: Output, path: string, signal: AbortSignal): Promise<boolean> {
  const history = await openHistory(path, signal);
  const importId = randomUUID();
  output.line(`${path}: ${number(history.commits)} commits up to ${history.head.slice(0, 12)} (HEAD; addresses as committed, no mailmap)`);
  output.line();
  const start = await settle(client, await client.balance(), 0).then(() => client.balance());

  const startedAt = performance.now();
  const since = () => (performance.now() - startedAt) / 1_000;
  const progress = output.progress('commits', history.commits);
  const sent = await sendHistory(client, readCommits(history, signal), importId, progress);
  progress.done();
  const sending = since();
  const accepted = sent.commitsAccepted + sent.authorsAccepted;
  await settle(client, start, accepted);
  const ends = difference(start, await client.balance());
  const seconds = since();

  const git = Tally.ofRaw(await countByAuthorAndYear(history, signal));
  const found = await readTally(client, output, git, sent, importId);
  const checks = new Checks();
  checks.compare('commits in git and sent', git.total, sent.commitsAccepted + sent.refused.total);
  checks.compare('authors in git and sent', git.authors.size, sent.authorsSent);
  checks.compare('authors accepted', [...git.authors.keys()].filter((author) => authorKey(author).valid).length, sent.authorsAccepted);
  compareTallies(checks, git, found, sent);
  // A request sent twice because its answer was lost is accepted twice, and its copy ends as duplicate.
  const copies = Math.min(client.stats.itemsSentAgain, Math.max(0, ends.accepted - accepted));
  checks.compare('balance: accepted', accepted + copies, ends.accepted);
  checks.compare('balance: applied or unchanged', accepted, ends.applied + ends.unchanged);
  checks.compare('balance: duplicate', copies, ends.duplicate);
  checks.compare('balance: any other end', 0, ends.rejected + ends.parked + ends.erased + ends.cancelled);

  const rate = (n: number, s: number) => number(Math.round(n / Math.max(0.001, s)));
  output.line();
  output.line(
    `${number(accepted)} items accepted in ${sending.toFixed(1)} s (${rate(accepted, sending)} items/s), all applied after ${seconds.toFixed(1)} s (${rate(accepted, seconds)} items/s).`,
  );
  show(output, git, found, sent);
  output.line();
  output.line(`Balance: accepted ${number(ends.accepted)} = ${ENDS.map((end) => `${end} ${number(ends[end])}`).join(' + ')}`);
  for (const line of checks.verdict()) output.line(line);
  return checks.wrong.length === 0;
}

/** Every commit of every author, read back; only those that this run wrote count. */
async function readTally(client: MusterClient, output: Output, git: Tally, sent: SentHistory, importId: string): Promise<Tally> {
  const found = new Tally();
  const authors = [...git.authors.keys()].filter((author) => authorKey(author).valid);
  const progress = output.progress('read back', git.total - sent.refused.total);
  await eachOf(authors, WIDTH, async (author) => {
    const wanted = git.of(author) - sent.refused.of(author);
    const years = await readUntil(
      () => yearsOf(client, author, importId),
      (tally) => tally.total === wanted,
    );
    for (const [year, n] of years.byYear()) found.add(author, year, n);
    progress.add(years.total);
  });
  progress.done();
  return found;
}

async function yearsOf(client: MusterClient, author: string, importId: string): Promise<Tally> {
  const tally = new Tally();
  for await (const event of client.customEvents(author, 'commit')) {
    if (event.properties?.import === importId) tally.add(author, event.occurred_at.slice(0, 4));
  }
  return tally;
}

function compareTallies(checks: Checks, git: Tally, found: Tally, sent: SentHistory): void {
  const less = (counts: Map<string, number>, refused: ReadonlyMap<string, number>): Map<string, number> => {
    for (const [key, n] of refused) counts.set(key, (counts.get(key) ?? 0) - n);
    return counts;
  };
  checks.compareCounts('commits by ', less(git.byAuthor(), sent.refused.byAuthor()), found.byAuthor());
  checks.compareCounts('commits of ', less(git.byYear(), sent.refused.byYear()), found.byYear());
}

function show(output: Output, git: Tally, found: Tally, sent: SentHistory): void {
  const table = (
    head: string,
    sides: { git: Map<string, number>; muster: Map<string, number>; refused: Map<string, number> },
    keys: string[],
  ) =>
    columns([
      [head, 'git log', 'Muster', 'refused'],
      ...keys.map((key) => [cut(key, 50), ...[sides.git, sides.muster, sides.refused].map((counts) => number(counts.get(key) ?? 0))]),
    ]);
  const byAuthor = { git: git.byAuthor(), muster: found.byAuthor(), refused: sent.refused.byAuthor() };
  const authors = [...byAuthor.git].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([author]) => author);
  output.line();
  for (const line of table('author', byAuthor, authors.slice(0, SHOWN))) output.line(line);
  if (authors.length > SHOWN) output.line(`  and ${number(authors.length - SHOWN)} more authors, compared as well`);
  output.line();
  const byYear = { git: git.byYear(), muster: found.byYear(), refused: sent.refused.byYear() };
  for (const line of table('year (UTC)', byYear, [...byYear.git.keys()].sort())) output.line(line);
  output.line();
  output.line(`Refused: ${number(sent.refused.total)} commits, ${number(sent.refusedAuthors.size)} authors`);
  for (const line of countLines(sent.refusedByCode)) output.line(line);
  for (const [email, code] of [...sent.refusedAuthors].slice(0, 5)) output.line(`    author "${cut(email, 60)}" → ${code}`);
}
