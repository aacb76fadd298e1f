/**
 * The curl examples of README.md, run as a reader would run them against a new stack: each must print what the README shows, but
 * for ids and times. `UPDATE_README=1` writes what they print into the file.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type LocalStack, startStack } from '@muster/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const URL_SHOWN = 'http://127.0.0.1:8080';
const EXAMPLE = /```sh\n((?:curl|printf) [\s\S]*?)\n```\n\n```(?:json|text)\n([\s\S]*?)\n```/g;
const run = promisify(execFile);

let stack: LocalStack;
const dir = mkdtempSync(join(tmpdir(), 'muster-readme-'));
beforeAll(async () => {
  stack = await startStack({ dataDir: dir, services: ['api', 'worker', 'segmenter'] });
}, 120_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Ids and times are of the run, and so is which of two chunks that are applied side by side gets the next id; the rest must be the same. */
function stable(output: string): string {
  return (
    output
      .replace(/[pe]\d-[0-9a-f]{8}-[0-9a-f-]{27}(\.\d+)?/g, 'JOB')
      .replace(/t-[0-9a-f]{8}-[0-9a-f-]{27}(\.\d+)?/g, 'JOB')
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
      .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME')
      .replace(/"next_cursor":"[\w-]+"/g, '"next_cursor":"CURSOR"')
      .replace(/"contact_id":\d+/g, '"contact_id":ID')
      .replace(/"took_ms":\d+/g, '"took_ms":MS')
      // How often progress is told depends on how long it takes.
      .replace(/^ {2}(Sending|Reading|Importing) .*\n/gm, '')
  );
}

test('the curl examples of the README print what it says', async () => {
  const text = readFileSync(README, 'utf8');
  const examples = [...text.matchAll(EXAMPLE)];
  expect(examples.length).toBeGreaterThanOrEqual(5);
  let updated = text;
  // For the program that speaks to the API by itself.
  const client = { MUSTER_API_URL: stack.apiUrl, MUSTER_API_KEY: stack.devKey, MUSTER_IMPORT_STATE: join(dir, 'imports.json') };
  const env = { ...process.env, KEY: stack.devKey, ...client };
  for (const [, command = '', shown = ''] of examples) {
    const script = command.replaceAll(URL_SHOWN, stack.apiUrl);
    const read = async () =>
      (await run('bash', ['-euo', 'pipefail', '-c', script], { env })).stdout.trimEnd().replaceAll(stack.apiUrl, URL_SHOWN);
    let printed = await read();
    // A reader comes to a segment after its build, and sends nothing twice.
    const waits = command.includes('segments.get');
    for (let n = 0; waits && n < 100 && printed.includes('"building"'); n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      printed = await read();
    }
    if (process.env.UPDATE_README) updated = updated.replace(shown, () => printed);
    else expect(stable(printed), command).toBe(stable(shown));
  }
  if (process.env.UPDATE_README) writeFileSync(README, updated);
});
