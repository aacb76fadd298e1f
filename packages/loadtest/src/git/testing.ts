/** Makes git repositories for tests, with histories as old projects have them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

export type FakeCommit = { name: string; email: string; at: number; subject: string };

/** Commits as one line of history, oldest first. Goes through `git fast-import`: it takes addresses and dates that `git commit` refuses. */
export async function makeRepository(path: string, commits: Iterable<FakeCommit>): Promise<void> {
  const made = spawnSync('git', ['init', '--quiet', '--initial-branch=main', path], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  const child = spawn('git', ['-C', path, 'fast-import', '--quiet', '--date-format=raw-permissive'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const closed = once(child, 'close');
  let mark = 0;
  for (const { name, email, at, subject } of commits) {
    mark += 1;
    const from = mark === 1 ? '' : `from :${mark - 1}\n`;
    const head = `commit refs/heads/main\nmark :${mark}\nauthor ${name} <${email}> ${at} +0530\ncommitter Test <test@example.org> 1700000000 +0000\n`;
    if (!child.stdin.write(`${head}data ${Buffer.byteLength(subject)}\n${subject}\n${from}\n`)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  const [code] = await closed;
  if (code !== 0) throw new Error(complaint);
}

/** Every trap that a real history has set so far. */
export function* awkwardCommits(count: number): Generator<FakeCommit> {
  const newYear = Date.parse('2020-01-01T00:00:00Z') / 1_000;
  for (let n = 0; n < count; n += 1) {
    const at = newYear + (n - count / 2) * 86_400;
    const who = [
      { name: 'Ada', email: 'ada@example.org' },
      { name: 'Ada L.', email: 'ADA@Example.ORG' },
      { name: 'Zoë “Z” Ñandú 🎉', email: 'zoë@example.org' },
      { name: 'root', email: 'root@(none)' },
      { name: '', email: '' },
    ][n % 5] ?? { name: 'Nobody', email: 'nobody@example.org' };
    // Just before and after midnight of a new year in UTC, half a day ahead of it, and a clock of the next century.
    const time = n % 11 === 0 ? newYear - 1 : n % 11 === 1 ? newYear : n % 37 === 2 ? 4_000_000_000 : at;
    yield { ...who, at: time, subject: n % 7 === 0 ? '' : `Change ${n}: „quoted“ \t and\u001b[31m red` };
  }
}
