import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Encoding } from '../dialect.ts';
import { encode, readAll } from '../testing.ts';
import { MAX_COLUMNS, type Sniffed, sniff } from './sniff.ts';

const file = (content: string | Buffer, complete = true): Sniffed => sniff(Buffer.from(content), { complete });
function found(content: string | Buffer, complete = true): Extract<Sniffed, { ok: true }> {
  const sniffed = file(content, complete);
  if (!sniffed.ok) throw new Error(sniffed.fault.code);
  return sniffed;
}
const fault = (content: string | Buffer, complete = true): string => {
  const sniffed = file(content, complete);
  return sniffed.ok ? 'ok' : sniffed.fault.code;
};
const warnings = (content: string | Buffer): string[] => found(content).warnings.map((warning) => warning.code);

const TEXT = 'E-mail;Prénom\nzoe@example.fr;Zoé\nluc@example.fr;"L’Été; 5 €"\n';
const MARKS: Record<string, Buffer> = {
  'utf-8': Buffer.from('efbbbf', 'hex'),
  'utf-16le': Buffer.from('fffe', 'hex'),
  'utf-16be': Buffer.from('feff', 'hex'),
};

describe('detects the encoding: UTF-8 (BOM), UTF-16 LE/BE, Windows-1252', () => {
  test.each<Encoding>(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'])('%s without a byte order mark', async (encoding) => {
    const bytes = encode(TEXT, encoding);
    const { dialect, headers } = found(bytes);
    expect(dialect).toEqual({ encoding, fallback: null, bomBytes: 0, delimiter: ';', sepLine: false, header: true, columns: 2 });
    expect(headers).toEqual(['E-mail', 'Prénom']);
    expect((await readAll(bytes, dialect))[1]?.cells).toEqual(['luc@example.fr', 'L’Été; 5 €']);
  });

  test.each(Object.entries(MARKS))('%s with one', async (encoding, mark) => {
    const encodings: Encoding[] = ['utf-8', 'utf-16le', 'utf-16be'];
    const bytes = Buffer.concat([mark, encode(TEXT, encodings.find((one) => one === encoding) ?? 'utf-8')]);
    const { dialect, headers, warnings } = found(bytes);
    expect(dialect).toMatchObject({ encoding, bomBytes: mark.length, columns: 2 });
    expect([headers[0], warnings]).toEqual(['E-mail', []]);
    const rows = await readAll(bytes, dialect, [1, 100]);
    expect(rows.map((row) => [row.line, row.cells[0]])).toEqual([
      [2, 'zoe@example.fr'],
      [3, 'luc@example.fr'],
    ]);
    expect(rows.at(-1)?.end).toBe(bytes.length);
  });

  test('a head that ends in the middle of a character is UTF-8 still', () => {
    const bytes = Buffer.from('email,name\na@b.co,😀\n'.repeat(3));
    for (let cut = 24; cut < bytes.length; cut++) expect(found(bytes.subarray(0, cut), false).dialect.encoding).toBe('utf-8');
  });

  test('ASCII may yet turn out to be Windows-1252; a few bad bytes do not make a UTF-8 file another', () => {
    expect(found('email\na@b.co\n').dialect).toMatchObject({ encoding: 'utf-8', fallback: 'windows-1252' });
    const bytes = Buffer.concat([Buffer.from('email,name\na@b.co,é\nb@b.co,è\nc@b.co,'), Buffer.from([0xe9]), Buffer.from('\n')]);
    expect(found(bytes).dialect).toMatchObject({ encoding: 'utf-8', fallback: null });
    expect(warnings(bytes)).toEqual(['bad_rows']);
  });

  test('a guess is said to be one', () => {
    expect(warnings(encode(TEXT, 'windows-1252'))).toEqual(['encoding_guessed']);
  });
});

describe('what is no text is a fault', () => {
  test.each([
    ['an Excel workbook', Buffer.from('504b030414000600', 'hex')],
    ['an old Excel workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
    ['gzip', Buffer.from('1f8b0800', 'hex')],
    ['PDF', Buffer.from('%PDF-1.7')],
    ['NULs', Buffer.alloc(1000)],
    ['control characters', Buffer.from(Array.from({ length: 500 }, (_, i) => i % 32))],
  ])('binary_file: %s', (_, bytes) => {
    expect(fault(bytes)).toBe('binary_file');
  });

  test('unsupported_encoding: UTF-32', () => {
    expect(fault(Buffer.from('fffe000061000000', 'hex'))).toBe('unsupported_encoding');
  });

  test('a single NUL in a text is a matter of its row', () => {
    expect(fault('email,name\na@b.co,A\0\nb@b.co,B and more text\n')).toBe('ok');
  });
});

describe('detects the delimiter: , ; tab |', () => {
  test.each([',', ';', '\t', '|'] as const)('%j', (delimiter) => {
    const text = `email,note\n"a@b.co","one, two; three | four"\nb@b.co,"x\ny"\n`.replace(/,(?! )/g, delimiter);
    expect(found(text).dialect).toMatchObject({ delimiter, columns: 2 });
  });

  test.each([
    ['email;amount\na@b.co;1,5\nb@b.co;2,50\n', ';'],
    ['email,tags\na@b.co,x;y\nb@b.co,x;y;z\n', ','],
    ['Name, first;email\nAda;a@b.co\n', ';'],
    ['email|name|tags\na@b.co|A|x,y\n', '|'],
  ])('other marks in cells do not mislead: %j', (text, delimiter) => {
    expect(found(text).dialect.delimiter).toBe(delimiter);
  });

  test('a file of one column keeps its cells whole', () => {
    expect(found('email\na@b.co\n').dialect).toMatchObject({ delimiter: ',', columns: 1 });
    expect(found('full name\nLovelace, Ada\n').dialect).toMatchObject({ delimiter: ';', columns: 1 });
    expect(warnings('email\na@b.co\n')).toEqual(['no_delimiter']);
  });

  test.each([
    ['sep=;\nemail;name\na@b.co;A,B,C\n', ';'],
    ['SEP=|\r\nemail|name\r\n', '|'],
    ['sep=\t\nemail\tname\n', '\t'],
    ['\ufeff"sep=,"\nemail,name\n', ','],
  ])('sep= line: %j', (text, delimiter) => {
    const { dialect, headers } = found(text);
    expect(dialect).toMatchObject({ delimiter, sepLine: true, header: true, columns: 2 });
    expect(headers).toEqual(['email', 'name']);
  });
});

describe('header or none', () => {
  test.each([
    ['email,name\na@b.co,A\n', true],
    ['Kundennummer;Straße\n5;x\n', true],
    ['foo,bar\nx,y\n', true],
    ['2023,2024,email\n1,2,a@b.co\n', true],
    ['a@b.co,A\nb@b.co,B\n', false],
    ['A,2024-01-01\nB,2024-01-02\n', false],
    ['17,Ada\n18,Bob\n', false],
  ])('%j: %s', (text, header) => {
    const sniffed = found(text);
    expect(sniffed.dialect.header).toBe(header);
    expect(sniffed.rows[0]?.line).toBe(header ? 2 : 1);
    expect(sniffed.warnings.some((warning) => warning.code === 'no_header')).toBe(!header);
  });

  test('without a header the columns have no names, and most rows say how many there are', () => {
    const { headers, dialect } = found('a@b.co,A\nb@b.co,B,X\nc@b.co,C,Y\n');
    expect([headers, dialect.columns]).toEqual([['', '', ''], 3]);
  });

  test('blank lines before the header count as lines', () => {
    expect(found('\n\nemail\n\na@b.co\n').rows[0]).toMatchObject({ line: 5, cells: ['a@b.co'] });
  });

  test('an empty or header-only file is no fault', () => {
    for (const text of ['', '\ufeff', '\n\n', 'sep=;\n'])
      expect(found(text)).toMatchObject({ headers: [], rows: [], dialect: { columns: null } });
    expect(found('email,name')).toMatchObject({ headers: ['email', 'name'], rows: [] });
  });

  test('a header whose quotes do not close is malformed_header; a bad first record is not', () => {
    expect(fault('"email,name\na,b\n')).toBe('malformed_header');
    expect(fault('email,"na"me\na@b.co,b\n')).toBe('malformed_header');
    expect(found('a@b.co,"A"x\nb@b.co,B\n')).toMatchObject({ dialect: { header: false, columns: 2 } });
  });
});

describe('limits', () => {
  test('too_many_columns', () => {
    const header = (columns: number): string => `${Array.from({ length: columns }, (_, i) => `c${i}`).join(',')}\n`;
    expect(found(`${header(MAX_COLUMNS)}1,2,3\n`, false).dialect.columns).toBe(MAX_COLUMNS);
    expect(fault(header(MAX_COLUMNS + 1))).toBe('too_many_columns');
    expect(fault(header(10_000))).toBe('too_many_columns');
  });

  test('a huge head without any line end is first_row_too_large', () => {
    expect(fault('x'.repeat(262_144), false)).toBe('first_row_too_large');
    expect(fault(`"${'x,'.repeat(131_072)}`, false)).toBe('first_row_too_large');
  });

  test('property: any bytes are described or refused, never thrown at', () => {
    const soup = fc
      .array(fc.constantFrom('a', '@', ',', ';', '"', '\n', '\r', '\0', 'é', 'sep=', '1', ' '), { maxLength: 60 })
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(fc.oneof(soup, fc.uint8Array({ maxLength: 300 }).map(Buffer.from)), fc.boolean(), (bytes, complete) => {
        const sniffed = sniff(bytes, { complete });
        if (sniffed.ok) expect(sniffed.headers.length).toBe(sniffed.dialect.columns ?? 0);
        else expect(sniffed.fault.message).toMatch(/[.?]$/);
      }),
      { numRuns: 2000 },
    );
  });
});
