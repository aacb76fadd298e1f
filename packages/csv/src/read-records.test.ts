import { describe, expect, test } from 'vitest';
import { MAX_RAW, MAX_RECORD_BYTES } from './row.ts';
import { brief, encode, readAll } from './testing.ts';

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
    expect(row).toMatchObject({ line: 2, start: 12, end: 28, nextLine: 3, cells: ['b@b.co', 'B', 'more', ''] });
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

  test.each(['', '"\n'])('a file full of stray quotes is read in time in proportion to its size; it ends with %j', async (end) => {
    const started = performance.now();
    const lines = Array.from({ length: 10_000 }, (_, i) => `b",${i},"c`).join('\n');
    const file = `a,b,c\n${lines}${end}`;
    const rows = await readAll(file, { columns: 3 });
    expect(rows).toHaveLength(10_001);
    expect(rows.filter((row) => row.fault === null).length).toBeLessThan(10);
    expect(await readAll(file, { columns: 3 }, [1_000, 777])).toEqual(rows);
    expect(performance.now() - started).toBeLessThan(25_000);
  });
});
