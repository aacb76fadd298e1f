import { describe, expect, test } from 'vitest';
import { csvRow } from './csv-row.ts';
import { readAll } from './testing.ts';

describe('csvRow', () => {
  test('RFC 4180: CRLF, quotes where needed, quotes doubled', () => {
    expect(csvRow(['a', 'b,c', 'd"e', 'f\ng', '', ' h'])).toBe('a,"b,c","d""e","f\ng",," h"\r\n');
  });

  test.each(['=1+1', '+cmd', '-2+3', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("x")', '+', '-', '+49 170 =1', '-1-1'])(
    'formula-safe: %j gets an apostrophe',
    (cell) => {
      expect(csvRow([cell]).replace(/^"/, '')[0]).toBe("'");
    },
  );

  test.each(['+49 170 1234567', '+1 (415) 555-2671', '+49-170/123.45', '-5', '-1.5', '-1,5', '-1e-7', 'a=1', "O'Brien", "'quoted'"])(
    'phones, plain negative numbers and other texts stay as they are: %j',
    (cell) => {
      expect(csvRow(['x', cell]).replaceAll('"', '')).toBe(`x,${cell}\r\n`);
    },
  );

  test('an export re-imports without change: apostrophes before a formula are doubled, and one is taken off', async () => {
    for (const cell of ["'=1", "''+x", "'-5", '=1', '-5', "'a", '', ' ', '\n', '"', '""', ',']) {
      expect((await readAll(csvRow([cell]), { columns: 1 })).map((row) => row.cells)).toEqual([[cell]]);
    }
  });
});
