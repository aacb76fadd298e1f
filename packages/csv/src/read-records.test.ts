import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvRow } from './csv-row.ts';
import type { Delimiter } from './dialect.ts';
import { MAX_RAW, MAX_RECORD_BYTES } from './row.ts';
import { brief, encode, readAll } from './testing.ts';
import type { Encoding } from './transcode.ts';

const briefs = async (...args: Parameters<typeof readAll>): Promise<ReturnType<typeof brief>[]> => (await readAll(...args)).map(brief);

describe('readRecords: lines', () => {
  test('neither the header nor a blank line is a record; line numbers are those of the original file, 1-based', async () => {
    const file = '\n\nemail,name\r\n\r\na@b.co,A\r\rb@b.co,B\n   \n\n"c@b.co","C\nC\r\nC\rC"\nd@b.co,D';
    expect(await briefs(file, { header: true, columns: 2 })).toEqual([
      [5, ['a@b.co', 'A']],
      [7, ['b@b.co', 'B']],
      [10, ['c@b.co', 'C\nC\r\nC\rC']],
      [14, ['d@b.co', 'D']],
    ]);
  });

  test.each(['\n', '\r', '\r\n'])('quoted newlines; CR, LF, CRLF: %j, whatever the pieces', async (end) => {
    const file = ['a,b', `"1${end}${end}2",x`, 'c,d', ''].join(end);
    for (const size of [1, 2, 3, 7, 1000]) {
      expect(await briefs(file, { columns: 2 }, [size])).toEqual([
        [1, ['a', 'b']],
        [2, [`1${end}${end}2`, 'x']],
        [5, ['c', 'd']],
      ]);
    }
  });

  test('the sep= line is no record, and counts as a line', async () => {
    expect(await briefs('sep=;\na;b\n1;2\n', { delimiter: ';', sepLine: true, header: true, columns: 2 })).toEqual([[3, ['1', '2']]]);
  });

  test.each(['', '\n', '\r\n\r\n', '  \n\t\n'])('a file without records has none: %j', async (file) => {
    expect(await readAll(file)).toEqual([]);
  });

  test('a line of empty cells is a record: it is not blank', async () => {
    expect(await briefs('a,b\n,\n""\n', { columns: 2 })).toEqual([
      [1, ['a', 'b']],
      [2, ['', '']],
      [3, ['']],
    ]);
  });
});

describe('readRecords: one bad row costs that row alone', () => {
  const table = (bad: string): string => `email,name,city\na@b.co,A,X\n${bad}\nc@b.co,"C, C",Z\nd@b.co,D,Z\n`;
  const good = [
    [4, ['c@b.co', 'C, C', 'Z']],
    [5, ['d@b.co', 'D', 'Z']],
  ];

  test.each([
    ['a quote that is never closed', 'b@b.co,"B,Y', 'quote_not_closed'],
    ['a quote that is never closed, in the last cell', 'b@b.co,B,"Y', 'quote_not_closed'],
    ['text after a closing quote', 'b@b.co,"B"ob,Y', 'stray_quote'],
    ['a quote not doubled', 'b@b.co,"the "B" man",Y', 'stray_quote'],
    ['too many cells', 'b@b.co,B,Y,more', 'too_many_cells'],
    ['a NUL', 'b@b.co,B\0,Y', 'invalid_characters'],
  ])('%s', async (_, bad, code) => {
    for (const size of [1, 5, 1000]) {
      expect((await briefs(table(bad), { header: true, columns: 3 }, [size])).slice(1)).toEqual([[3, code], ...good]);
    }
  });

  test('the fault names line, code, message and the text of the row', async () => {
    const [row] = await readAll('email,name\r\nb@b.co,B,more,\r\n', { header: true, columns: 2 });
    expect(row).toMatchObject({ line: 2, start: 12, end: 28, nextLine: 3, cells: [] });
    expect(row?.fault).toMatchObject({ code: 'too_many_cells', column: 2, raw: 'b@b.co,B,more,' });
    expect(row?.fault?.message).toMatch(/^\S.*\.$/);
  });

  test('bytes that are not UTF-8 cost their row; where only ASCII came before, they are read as Windows-1252', async () => {
    const file = Buffer.concat([Buffer.from('a@b.co,é\n'), encode('b@b.co,"Zoë, €"\n', 'windows-1252'), Buffer.from('c@b.co,C\n')]);
    expect(await briefs(file)).toEqual([
      [1, ['a@b.co', 'é']],
      [2, 'invalid_encoding'],
      [3, ['c@b.co', 'C']],
    ]);
    expect(await briefs(file, { fallback: 'windows-1252' })).toEqual([
      [1, ['a@b.co', 'é']],
      [2, ['b@b.co', 'Zoë, €']],
      [3, ['c@b.co', 'C']],
    ]);
  });

  test('half a surrogate pair in UTF-16 costs its row', async () => {
    const file = Buffer.concat([
      encode('a,b\n', 'utf-16le'),
      Buffer.from('\ud83d,x\n', 'utf16le'),
      encode('😀,d', 'utf-16le'),
      Buffer.from('x'),
    ]);
    expect(await briefs(file, { encoding: 'utf-16le' }, [1])).toEqual([
      [1, ['a', 'b']],
      [2, 'invalid_encoding'],
      [3, 'invalid_encoding'],
    ]);
    expect((await readAll(file, { encoding: 'utf-16le' })).at(-1)?.end).toBe(file.length);
  });

  test('empty cells in excess are no fault; missing cells are absent', async () => {
    expect(await briefs('a,b,c\n1,2,3,,\n1\n1,"2\n2",3, \n', { columns: 3 })).toEqual([
      [1, ['a', 'b', 'c']],
      [2, ['1', '2', '3']],
      [3, ['1']],
      [4, ['1', '2\n2', '3']],
    ]);
  });

  test('a quote inside an unquoted cell is text', async () => {
    expect(await briefs('5" pipe,b\n')).toEqual([[1, ['5" pipe', 'b']]]);
  });

  test('white space around quotes is no fault', async () => {
    expect(await briefs('a@b.co, "Doe" ,"x" \n')).toEqual([[1, ['a@b.co', 'Doe', 'x']]]);
  });
});

describe('readRecords: memory stays flat whatever the file', () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  async function* large(pieces: number, before: string, after: string): AsyncGenerator<Buffer> {
    yield Buffer.from(before);
    for (let i = 0; i < pieces; i++) yield piece;
    yield Buffer.from(after);
  }
  const collect = async (source: AsyncIterable<Buffer>): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of source) parts.push(part);
    return Buffer.concat(parts);
  };

  test.each(['', '"'])('one line larger than 1 MiB is one bad row, record_too_large: it begins with %j', async (begin) => {
    const file = await collect(large(100, `a,b\n${begin}`, '\nc,d\n'));
    for (const sizes of [[65_536], [file.length], [1_048_580, 17]]) {
      const rows = await readAll(file, { columns: 2 }, sizes);
      expect(rows.map(brief)).toEqual([
        [1, ['a', 'b']],
        [2, 'record_too_large'],
        [3, ['c', 'd']],
      ]);
      expect(rows[1]?.fault?.raw).toHaveLength(MAX_RAW);
      expect(rows[2]?.start).toBe(file.length - 4);
    }
  });

  test('a quote not closed within 1 MiB costs its line alone', async () => {
    const lines = Array.from({ length: 200_000 }, (_, i) => `${i},x`);
    const file = `a,b\n1,"open\n${lines.join('\n')}\n2,"closed"\n`;
    expect(file.length).toBeGreaterThan(MAX_RECORD_BYTES);
    const rows = await readAll(file, { columns: 2 });
    expect(rows.map(brief).slice(0, 3)).toEqual([
      [1, ['a', 'b']],
      [2, 'quote_not_closed'],
      [3, ['0', 'x']],
    ]);
    expect(rows).toHaveLength(200_003);
    expect(rows.at(-1)).toMatchObject({ line: 200_003, cells: ['2', 'closed'] });
  });

  test('a record may have 1 MiB, and not a byte more', async () => {
    const cell = 'x'.repeat(MAX_RECORD_BYTES - '"\n"\n'.length);
    for (const sizes of [[65_536], [MAX_RECORD_BYTES * 2], [MAX_RECORD_BYTES, 1]]) {
      expect(await briefs(`"\n${cell}"\na\n`, { columns: 1 }, sizes)).toEqual([
        [1, [`\n${cell}`]],
        [3, ['a']],
      ]);
      expect(await briefs(`"\n${cell}x"\na\n`, { columns: 1 }, sizes)).toEqual([
        [1, 'quote_not_closed'],
        [2, [`${cell}x"`]],
        [3, ['a']],
      ]);
    }
  });

  test('a file full of stray quotes is read in time in proportion to its size', async () => {
    const started = performance.now();
    const lines = Array.from({ length: 10_000 }, (_, i) => `b",${i},"c`).join('\n');
    const rows = await readAll(`a,b,c\n${lines}`, { columns: 3 });
    expect(rows).toHaveLength(10_001);
    expect(performance.now() - started).toBeLessThan(25_000);
  });
});

describe('readRecords: properties', () => {
  const ENCODINGS: Encoding[] = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'];
  const DELIMITERS: Delimiter[] = [',', ';', '\t', '|'];
  const character = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.constantFrom('a', 'b', ' ', '"', '\n', '\r', '\r\n', ',', ';', '\t', '|', "'", '=', '+', '-', '@', '1', 'é', 'ÿ'),
    },
    { weight: 1, arbitrary: fc.constantFrom('€', '’', '–', 'Ÿ') },
  );
  const wide = fc.oneof(character, fc.constantFrom('漢', '😀', 'ऊ', '਀', '\u0a0d', '\ufffd'));
  const table = (char: fc.Arbitrary<string>): fc.Arbitrary<string[][]> =>
    fc.integer({ min: 1, max: 4 }).chain((width) =>
      fc.array(
        fc.array(
          fc.array(char, { maxLength: 8 }).map((c) => c.join('')),
          { minLength: width, maxLength: width },
        ),
        { maxLength: 12 },
      ),
    );
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

  test('any table in any dialect, encoding and line end reads back with its lines, resumable behind every record, in any pieces', async () => {
    const encoding = fc.constantFrom(...ENCODINGS);
    await fc.assert(
      fc.asyncProperty(
        encoding.chain((enc) => fc.tuple(fc.constant(enc), table(enc === 'windows-1252' ? character : wide))),
        fc.constantFrom(...DELIMITERS),
        fc.constantFrom('\n', '\r', '\r\n'),
        fc.boolean(),
        sizes,
        async ([enc, cells], delimiter, end, lastEnd, pieces) => {
          const written = cells.map((row) => row.map((cell) => quoted(cell)).join(delimiter) + end);
          let text = written.join('');
          if (!lastEnd) text = text.slice(0, text.length - end.length);
          const file = encode(text, enc);
          const dialect = { encoding: enc, delimiter, columns: cells[0]?.length ?? null };
          const rows = await readAll(file, dialect, pieces);
          expect(rows.map((row) => row.cells)).toEqual(cells.map((row) => row.map(plain)));
          let line = 1;
          let at = 0;
          for (const [i, row] of rows.entries()) {
            expect([row.line, row.start, row.fault]).toEqual([line, at, null]);
            line += breaks(written[i] ?? '');
            at += encode(written[i] ?? '', enc).length;
          }
          expect(rows.at(-1)?.end ?? 0).toBe(file.length);
          for (const row of rows) {
            const from = { byte: row.end, line: row.nextLine };
            expect(await readAll(file, dialect, pieces, from)).toEqual(rows.slice(rows.indexOf(row) + 1));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('any bytes: never throws, pieces change nothing, rows are in order, resumable behind each', async () => {
    const soup = fc
      .array(fc.oneof(character, fc.constantFrom('"', '\n', ',', '",', ',"', '"\n', '\0', '\xff', 'x')), { maxLength: 120 })
      .map((parts) => Buffer.from(parts.join(''), 'latin1'));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(soup, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)),
        fc.constantFrom(...ENCODINGS),
        fc.option(fc.integer({ min: 1, max: 4 })),
        sizes,
        async (file, encoding, columns, pieces) => {
          const rows = await readAll(file, { encoding, columns });
          expect(await readAll(file, { encoding, columns }, pieces)).toEqual(rows);
          let end = 0;
          for (const row of rows) {
            expect(row.start).toBeGreaterThanOrEqual(end);
            expect(row.end).toBeGreaterThan(row.start);
            end = row.end;
          }
          if (columns === null) return;
          for (const [i, row] of rows.entries()) {
            const rest = await readAll(file, { encoding, columns }, pieces, { byte: row.end, line: row.nextLine });
            expect(rest).toEqual(rows.slice(i + 1));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what csvRow writes reads back: any cell text', async () => {
    await fc.assert(
      fc.asyncProperty(table(fc.oneof(wide, fc.string({ unit: 'grapheme' }))), async (cells) => {
        const text = cells.map((row) => csvRow(row.map((cell) => cell.replaceAll('\0', '')))).join('');
        const rows = await readAll(text, { columns: cells[0]?.length ?? null });
        expect(rows.map((row) => row.cells)).toEqual(cells.map((row) => row.map((cell) => cell.replaceAll('\0', ''))));
      }),
      { numRuns: 500 },
    );
  });
});

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
/** What is left of a cell that looks protected. */
function plain(cell: string): string {
  return /^'+(?:[=+\-@\t\r]|\d+$)/.test(cell) ? cell.slice(1) : cell;
}
function breaks(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
