import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { authorContact, authorKey, commitEvent, yearOf } from './items.ts';
import { type Commit, countByAuthorAndYear, openHistory, readCommits } from './log.ts';
import { Tally } from './tally.ts';
import { awkwardCommits, makeRepository } from './testing.ts';

const dir = mkdtempSync(join(tmpdir(), 'muster-git-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('streams every commit, newest first, with whatever it holds', async () => {
  const made = [...awkwardCommits(120)];
  await makeRepository(dir, made);
  const history = await openHistory(dir);
  expect(history.commits).toBe(120);
  const commits: Commit[] = [];
  for await (const commit of readCommits(history)) commits.push(commit);
  expect(commits.map((c) => [c.email, c.name, c.authoredAt])).toEqual(made.toReversed().map((c) => [c.email, c.name, c.at]));
  expect(commits.at(-1)?.parents).toBe(0);
  expect(commits[0]?.parents).toBe(1);
  expect(new Set(commits.map((c) => c.hash)).size).toBe(120);
  expect(commits.some((c) => c.subject === '')).toBe(true);

  // What git counts on its own walk is what was streamed, all spellings of an address together.
  const streamed = new Tally();
  for (const c of commits) streamed.add(authorKey(c.email).key, yearOf(c.authoredAt));
  const counted = Tally.ofRaw(await countByAuthorAndYear(history));
  expect(counted.byAuthor()).toEqual(streamed.byAuthor());
  expect(counted.byYear()).toEqual(streamed.byYear());
  expect(counted.authors.size).toBe(4);
  expect(counted.byYear().get('2096')).toBeGreaterThan(0);
});

test('a reader who stops early ends git', async () => {
  const history = await openHistory(dir);
  for await (const commit of readCommits(history)) {
    expect(commit.hash).toMatch(/^[0-9a-f]{40}$/);
    break;
  }
});

test('says what is wrong with a path that holds no history', async () => {
  await expect(openHistory(join(dir, 'nowhere'))).rejects.toThrow(/nowhere cannot be read as a git repository with a history: .*nowhere/s);
  const empty = mkdtempSync(join(tmpdir(), 'muster-git-empty-'));
  try {
    await makeRepository(empty, []);
    await expect(openHistory(empty)).rejects.toThrow(/cannot be read as a git repository with a history/);
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
});

test('a commit becomes a small custom event, its author a contact', () => {
  const commit = { hash: 'ab', authoredAt: 1_700_000_000, email: 'A@x.org', name: 'ñ'.repeat(300), subject: '👍 ok', parents: 2 };
  expect(commitEvent(commit, 'run')).toEqual({
    event_name: 'commit',
    external_id: 'ab',
    email: 'A@x.org',
    occurred_at: '2023-11-14T22:13:20.000Z',
    properties: { subject_length: 4, parents: 2, import: 'run' },
  });
  expect(authorContact(commit)).toEqual({ email: 'A@x.org', full_name: 'ñ'.repeat(255) });
  expect(commitEvent({ ...commit, authoredAt: 1e18 }, 'run').occurred_at).toBe('1000000000000000000');
  expect(yearOf(1e18)).toBe('unknown');
});
