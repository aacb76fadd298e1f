import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DELIMITERS } from './sniff/delimiter.ts';
import { brief, readAll } from './testing.ts';

const require = createRequire(import.meta.url);

describe('csv-spectrum', () => {
  const root = require.resolve('csv-spectrum/package.json').replace('package.json', '');
  const NAMES = [
    ...['comma_in_quotes', 'empty', 'empty_crlf', 'escaped_quotes', 'json', 'location_coordinates'],
    ...['newlines', 'newlines_crlf', 'quotes_and_newlines', 'simple', 'simple_crlf', 'utf8'],
  ];

  test.each(NAMES)('%s', async (name) => {
    const [header, ...rows] = await readAll(readFileSync(`${root}csvs/${name}.csv`));
    const headers = header?.cells ?? [];
    const objects = rows.map((row) => Object.fromEntries(headers.map((key, i) => [key, row.cells[i]])));
    expect(rows.every((row) => row.fault === null)).toBe(true);
    expect(objects).toEqual(expectation(readFileSync(`${root}json/${name}.json`, 'utf8')));
  });
});

/** One expectation is an object instead of a list of one, and expects a phone number that its file does not hold. */
function expectation(json: string): unknown[] {
  return [JSON.parse(json.replace('"1234567890"', '"2095257564"'))].flat();
}

const caseSchema = z.object({
  description: z.string(),
  input: z.string(),
  config: z.record(z.string(), z.unknown()).optional(),
  expected: z.object({ data: z.array(z.array(z.string())), errors: z.array(z.unknown()) }),
});

/** The cases are a script for browsers that publishes nothing: the part before its first test is run with what it looks for. */
function papaCases(): z.infer<typeof caseSchema>[] {
  const script = readFileSync(require.resolve('papaparse/tests/test-cases.js'), 'utf8');
  const tables = script.slice(0, script.indexOf("describe('Core Parser Tests'"));
  const context = { chai: { assert: {} }, document: { getElementById: () => ({ src: '' }) }, Papa: { BAD_DELIMITERS: [] } };
  return z
    .array(caseSchema.or(z.unknown().transform(() => null)))
    .parse(runInNewContext(`${tables}\n;CORE_PARSER_TESTS`, context))
    .filter((one) => one !== null);
}

/** Options of Papa Parse that the importer does not have; `header` renames columns of one name, which here have their index. */
const OTHER_OPTIONS = ['comments', 'escapeChar', 'fastMode', 'step', 'preview', 'quoteChar', 'header'];

const ALONE = 'the bad row costs itself alone, the next line is a row';
/** What is read otherwise, and why. */
const OTHERWISE = new Map<string, { rows: (string | string[])[]; why: string }>([
  ['Quoted field with whitespace around quotes', { rows: [['A', 'B', 'C']], why: 'people write `a, "b"` and mean the cell b' }],
  ['Quoted field has no closing quote', { rows: ['quote_not_closed', ['d', 'e', 'f']], why: ALONE }],
  ['Quoted field has invalid trailing quote after delimiter with a valid closer', { rows: ['stray_quote', ['d', 'e', 'f']], why: ALONE }],
  ['Quoted field has invalid trailing quote after delimiter', { rows: ['stray_quote', ['d', 'e', 'f']], why: ALONE }],
  ['Quoted field has invalid trailing quote before delimiter', { rows: ['stray_quote', ['e', 'f', 'g']], why: ALONE }],
  ['Quoted field has invalid trailing quote after new line', { rows: ['quote_not_closed', ['d"e', 'f', 'g']], why: ALONE }],
  ['One column input with empty fields', { rows: [['a'], ['b'], ['c'], ['d'], ['e']], why: 'a blank line is no record' }],
]);

describe('Papa Parse, CORE_PARSER_TESTS', () => {
  const cases = papaCases();
  const known = cases.filter(({ config = {} }) => !OTHER_OPTIONS.some((option) => option in config && config[option] !== false));

  test('most cases are taken over, and every exception is one of them', () => {
    expect(known.length).toBeGreaterThan(40);
    expect(known.map((one) => one.description)).toEqual(expect.arrayContaining([...OTHERWISE.keys()]));
  });

  test.each(known)('$description: $input', async ({ description, input, config = {}, expected }) => {
    const delimiter = DELIMITERS.find((one) => one === config.delimiter);
    const rows = await readAll(input, delimiter === undefined ? {} : { delimiter });
    expect(
      rows.map((row) => brief(row)[1]),
      OTHERWISE.get(description)?.why,
    ).toEqual(OTHERWISE.get(description)?.rows ?? expected.data);
  });
});
