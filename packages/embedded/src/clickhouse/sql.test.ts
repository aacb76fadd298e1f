import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { blocks } from './body.ts';
import { firstWord, formatOf, isInsertWithFormat, isRead } from './sql.ts';

test.each([
  ['SELECT 1', 'SELECT', true],
  ['  \n-- a comment\n/* another */ (SELECT 1)', 'SELECT', true],
  ['with 1 AS x select x', 'WITH', true],
  ['INSERT INTO t SELECT 1', 'INSERT', false],
  ['ALTER TABLE t DELETE WHERE 1', 'ALTER', false],
  ['', '', false],
])('%j begins with %s', (sql, word, read) => {
  expect(firstWord(sql)).toBe(word);
  expect(isRead(sql)).toBe(read);
});

test.each([
  ['SELECT 1 \nFORMAT JSONEachRow', 'JSONEachRow'],
  ['SELECT 1 format JSON SETTINGS max_threads = 1;', 'JSON'],
  ["SELECT 'FORMAT x'", undefined],
  ['SELECT format FROM t', undefined],
])('the format of %j is %s', (sql, format) => {
  expect(formatOf(sql)).toBe(format);
});

test.each([
  ['INSERT INTO t FORMAT JSONEachRow', true],
  ['INSERT INTO t (a, b)\nFORMAT JSONEachRow\n', true],
  ['insert into t values', true],
  ['INSERT INTO t VALUES (1)', false],
  ['INSERT INTO t SELECT 1', false],
  ['SELECT 1 FORMAT JSON', false],
])('rows follow %j: %s', (sql, follows) => {
  expect(isInsertWithFormat(sql)).toBe(follows);
});

test('blocks end between rows, wherever the pieces were cut, and lose nothing', async () => {
  const text = Array.from({ length: 500 }, (_, id) => `{"id":${id},"s":"}\\n{"}`).join('\n');
  const pieces = text.match(/[\s\S]{1,7}/g) ?? [];
  const found: string[] = [];
  for await (const block of blocks(Readable.from(pieces.map((piece) => Buffer.from(piece))), 'JSONEachRow', 100))
    found.push(block.toString('utf8'));
  expect(found.length).toBeGreaterThan(50);
  expect(found.join('')).toBe(text);
  for (const block of found) for (const row of block.trim().split('\n')) expect(() => JSON.parse(row)).not.toThrow();
});

test('a format that cannot be cut stays whole', async () => {
  const found: Buffer[] = [];
  for await (const block of blocks(Readable.from([Buffer.from('a\nb\n'), Buffer.from('c\n')]), 'CSVWithNames', 2)) found.push(block);
  expect(found.map(String)).toEqual(['a\nb\nc\n']);
});
