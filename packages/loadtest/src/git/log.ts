/**
 * The history of a git repository, streamed: the first parent and all others of HEAD, as `git log HEAD` walks it. Addresses are those
 * written in the commits: no mailmap is applied.
 */
import { spawn } from 'node:child_process';
import { DemoError } from '../demo/errors.ts';

export type Commit = {
  hash: string;
  /** Seconds since 1970, the author's date. */
  authoredAt: number;
  email: string;
  name: string;
  subject: string;
  parents: number;
};

export type History = {
  path: string;
  /** The commit that HEAD named when the run began: a new commit meanwhile changes nothing. */
  head: string;
  commits: number;
};

/** @throws DemoError when there is no repository with a commit at the path. */
export async function openHistory(path: string, signal?: AbortSignal): Promise<History> {
  const [head = ''] = await all(run(path, ['rev-parse', '--verify', '--end-of-options', 'HEAD^{commit}'], '\n', signal));
  const [commits = '0'] = await all(run(path, ['rev-list', '--count', head], '\n', signal));
  return { path, head, commits: Number(commits) };
}

const FIELDS = ['%H', '%at', '%ae', '%an', '%s', '%P'];

/** Newest first. */
export async function* readCommits(history: History, signal?: AbortSignal): AsyncGenerator<Commit> {
  // Separated and ended by NUL, which is in no field.
  const format = `--format=tformat:${FIELDS.join('%x00')}`;
  let fields: string[] = [];
  for await (const field of run(history.path, [...LOG, '-z', format, history.head], '\0', signal)) {
    fields.push(field);
    if (fields.length < FIELDS.length) continue;
    const [hash = '', at = '', email = '', name = '', subject = '', parents = ''] = fields;
    yield { hash, authoredAt: Number(at), email, name, subject, parents: parents === '' ? 0 : parents.split(' ').length };
    fields = [];
  }
}

/** What git itself counts: commits by author's address and by the year of the author's date in UTC. */
export async function countByAuthorAndYear(history: History, signal?: AbortSignal): Promise<Map<string, Map<string, number>>> {
  const counts = new Map<string, Map<string, number>>();
  const lines = run(history.path, [...LOG, '--date=format-local:%Y', '--format=tformat:%ad %ae', history.head], '\n', signal);
  for await (const line of lines) {
    const at = line.indexOf(' ');
    const [year, email] = [line.slice(0, at), line.slice(at + 1)];
    const years = counts.get(email) ?? new Map<string, number>();
    counts.set(email, years);
    years.set(year, (years.get(year) ?? 0) + 1);
  }
  return counts;
}

/** Settings of the person who runs this must not change what is printed. */
const LOG = ['-c', 'log.showSignature=false', 'log', '--no-mailmap', '--no-color', '--encoding=UTF-8'];

/** The pieces of a git command's output, as they come. @throws DemoError with git's own words when it fails. */
async function* run(path: string, args: readonly string[], separator: string, signal?: AbortSignal): AsyncGenerator<string> {
  const child = spawn('git', ['-C', path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8', GIT_PAGER: 'cat' },
    ...(signal ? { signal } : {}),
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < 2_000) complaint += text;
  });
  const ended = new Promise<string | null>((done) => {
    child.on('error', (error) => done(error.message));
    child.on('close', (code) => done(code === 0 ? null : complaint.trim() || `git ended with code ${code}`));
  });
  let rest = '';
  let complete = false;
  try {
    for await (const text of child.stdout.setEncoding('utf8')) {
      const pieces = (rest + String(text)).split(separator);
      rest = pieces.pop() ?? '';
      yield* pieces;
    }
    complete = true;
  } finally {
    if (!complete) child.kill();
  }
  const failure = await ended;
  if (failure !== null) throw new DemoError(`${path} cannot be read as a git repository with a history: ${failure}`);
  if (rest !== '') yield rest;
}

async function all(pieces: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}
