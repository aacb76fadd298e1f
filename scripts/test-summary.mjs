/**
 * Ends a run of the tests with `N passed, N failed` as its last line, what failed by name above it. Exits non-zero when anything
 * failed: a test, a file that could not be loaded, or what ran before the tests (then there is no report).
 *
 * Usage: test-summary.mjs REPORT EXIT_STATUS — the report of vitest's JSON reporter, and how `make test` ended.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [path, status] = process.argv.slice(2);
const report = read(path);
const passed = report?.numPassedTests ?? 0;
// A file that fails outside its tests (an import, a hook) has no failed test of its own: it counts as one.
const brokenFiles = (report?.testResults ?? []).filter(
  (f) => f.status === 'failed' && !f.assertionResults.some((t) => t.status === 'failed'),
);
const failed = (report?.numFailedTests ?? 0) + brokenFiles.length;
const unexplained = failed === 0 && (status !== '0' || report === null);
for (const file of report?.testResults ?? []) {
  const name = relative(process.cwd(), file.name);
  if (brokenFiles.includes(file)) tell(name, file.message);
  for (const each of file.assertionResults) if (each.status === 'failed') tell(`${name} > ${each.fullName}`, each.failureMessages[0]);
}
process.stdout.write(`${passed} passed, ${unexplained ? 1 : failed} failed\n`);
process.exitCode = failed > 0 || unexplained ? 1 : 0;

/** One failure: its name, and the first lines of why. The log above has the rest, but a machine elsewhere may keep only its end. */
function tell(name, message) {
  const why = String(message ?? '')
    .split('\n')
    .slice(0, 5)
    .map((line) => `    ${line.slice(0, 300)}\n`);
  process.stdout.write(`FAILED ${name}\n${why.join('')}`);
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    process.stderr.write(`There is no report of the tests (${error.code ?? error.name}): they did not run to their end.\n`);
    return null;
  }
}
