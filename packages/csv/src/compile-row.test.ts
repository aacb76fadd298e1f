import { normaliseContact } from '@muster/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileRow, type RowOptions } from './compile-row.ts';
import { csvRow } from './csv-row.ts';
import { IMPORT_FIELDS } from './headers/dictionary.ts';
import type { Mapping } from './mapping.ts';
import { readAll } from './testing.ts';
import { columnFormatsSchema, detectFormats, mergeFormats } from './values/column-formats.ts';

const OPTIONS: RowOptions = { empty_cells: 'keep', timezone: 'Europe/Berlin' };
const MAPPING: Mapping = {
  0: 'email',
  1: 'first_name',
  2: 'custom_number_1',
  3: 'custom_datetime_1',
  4: 'custom_json_1',
  5: 'custom_string_1',
  6: null,
  7: 'created_at',
  8: 'external_id',
};
const row = (cells: string[], options: Partial<RowOptions> = {}): unknown => {
  const result = compileRow(MAPPING, { ...OPTIONS, ...options }).read(['a@b.co', ...cells]);
  return result.ok ? result.contact : result.faults.map((fault) => [fault.column, fault.field, fault.code]);
};

describe('coercion per field type', () => {
  test('cells become the contact that contacts.upsert takes', () => {
    expect(row([' Ada ', '1,5', '05.03.2024', '{"a":[1]}', ' x ', 'ignored', '2024-03-05 10:00', 'cus_1', 'more'])).toEqual({
      email: 'a@b.co',
      first_name: 'Ada',
      custom_number_1: 1.5,
      custom_datetime_1: '2024-03-04T23:00:00.000Z',
      custom_json_1: { a: [1] },
      custom_string_1: ' x ',
      created_at: '2024-03-05T09:00:00.000Z',
      external_id: 'cus_1',
    });
  });

  test('an empty cell = keep, unless the import says empty_cells: "clear"', () => {
    const empty = ['', ' ', '', '\u00a0', '', '', '', ''];
    expect(row(empty)).toEqual({ email: 'a@b.co' });
    expect(row(empty, { empty_cells: 'clear' })).toEqual({
      email: 'a@b.co',
      first_name: null,
      custom_number_1: null,
      custom_datetime_1: null,
      custom_json_1: null,
      custom_string_1: null,
      external_id: null,
    });
  });

  test('a cell that a short row lacks keeps, even with "clear"', () => {
    expect(row(['Ada'], { empty_cells: 'clear' })).toEqual({ email: 'a@b.co', first_name: 'Ada' });
  });

  test('a cell that cannot be coerced is a fault with its column and code, every one of them', () => {
    expect(row(['A', 'x', 'yesterday', '{', '', '', '1/2/2024'])).toEqual([
      [2, 'custom_number_1', 'invalid_number'],
      [3, 'custom_datetime_1', 'invalid_datetime'],
      [4, 'custom_json_1', 'invalid_json'],
      [7, 'created_at', 'ambiguous_date'],
    ]);
  });

  test('messages say what to do, and never hold the value', () => {
    const result = compileRow(MAPPING, OPTIONS).read(['', '', '1,234', '01/02/2024', 'S3CRET']);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.faults.map((fault) => fault.code)).toEqual(['required', 'ambiguous_number', 'ambiguous_date', 'invalid_json']);
    expect(result.faults[2]?.message).toContain('column_formats {"3": {"date": "dmy"}}');
    for (const { message } of result.faults) expect(message).toMatch(/^[^\n]*\.$/);
    expect(JSON.stringify(result.faults)).not.toContain('S3CRET');
  });

  test('a row without an address is a fault of its own: empty or missing', () => {
    for (const cells of [[], [''], [' ']]) {
      expect(compileRow({ 0: 'email' }, OPTIONS).read(cells)).toMatchObject({ ok: false, faults: [{ column: 0, code: 'required' }] });
    }
  });

  test('an ambiguous day/month order is asked for through column_formats, never guessed', () => {
    expect(row(['', '', '03/04/2024'])).toEqual([[3, 'custom_datetime_1', 'ambiguous_date']]);
    expect(row(['', '', '03/04/2024'], { column_formats: { 3: { date: 'dmy' } }, timezone: 'UTC' })).toMatchObject({
      custom_datetime_1: '2024-04-03T00:00:00.000Z',
    });
    expect(row(['', '', '03/04/2024'], { column_formats: { 3: { date: 'mdy' } }, timezone: 'UTC' })).toMatchObject({
      custom_datetime_1: '2024-03-04T00:00:00.000Z',
    });
  });

  test('decimal comma where the file uses it: by its own values, or those of the other columns', () => {
    const formats = detectFormats([['a@b.co'], ['1.234', '2.000'], ['1,50', '3'], ['25/12/2024']]);
    expect(formats).toEqual({ 0: { decimal: ',' }, 1: { decimal: ',' }, 2: { decimal: ',' }, 3: { decimal: ',', date: 'dmy' } });
    expect(detectFormats([['1.50'], ['1,234'], ['1,5']])).toEqual({ 0: { decimal: '.' }, 2: { decimal: ',' } });
    expect(row(['', '1.234'], { column_formats: { 2: { decimal: ',' } } })).toMatchObject({ custom_number_1: 1234 });
  });

  test('column_formats overrides what was detected, each part apart', () => {
    expect(mergeFormats({ 1: { date: 'dmy', decimal: ',' } }, { 1: { date: 'mdy' }, 2: { decimal: '.' } })).toEqual({
      1: { date: 'mdy', decimal: ',' },
      2: { decimal: '.' },
    });
    expect(columnFormatsSchema.safeParse({ 3: { date: 'dmy', decimal: ',' } }).success).toBe(true);
    for (const bad of [{ x: {} }, { 3: { date: 'ydm' } }, { 3: { dates: 'dmy' } }, { '-1': {} }, []]) {
      expect(columnFormatsSchema.safeParse(bad).success).toBe(false);
    }
  });

  test('columnOf: faults that name a field find their column', () => {
    const compiled = compileRow(MAPPING, OPTIONS);
    expect([compiled.columnOf('external_id'), compiled.columnOf('phone')]).toEqual([8, null]);
  });

  test('property: an export re-imports without change', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).map((s) => s.replaceAll('\0', ''));
    const contact = fc.record({
      custom_string_1: fc.oneof(text, fc.constantFrom("'=1", '=1', '-5', '+49 170 1', ' x ', '\n', '"')),
      custom_number_1: fc.double({ noNaN: true, noDefaultInfinity: true }),
      custom_datetime_1: fc
        .date({ min: new Date('1900-01-02'), max: new Date('2299-12-30'), noInvalidDate: true })
        .map((d) => d.toISOString()),
      custom_json_1: fc.array(fc.jsonValue({ maxDepth: 2 })),
    });
    await fc.assert(
      fc.asyncProperty(contact, async (fields) => {
        const given = { email: 'a@b.co', ...fields };
        const cells = Object.values(given).map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
        const mapping = Object.fromEntries(Object.keys(given).map((field, i) => [String(i), field]));
        const [read] = await readAll(csvRow(cells), { columns: cells.length });
        const result = compileRow(mapping, OPTIONS).read(read?.cells ?? []);
        if (fields.custom_string_1 === '') return;
        expect(result).toEqual({ ok: true, contact: JSON.parse(JSON.stringify(given)) });
      }),
      { numRuns: 300 },
    );
  });

  test('property: what any cells become is a contact that normaliseContact judges without throwing', () => {
    const mapping = Object.fromEntries(IMPORT_FIELDS.map((field, i) => [String(i), field]));
    const compiled = compileRow(mapping, { ...OPTIONS, empty_cells: 'clear' });
    const cell = fc.oneof(fc.string(), fc.constantFrom('', 'a@b.co', '1,5', '2024-01-01', '{}', '{"__proto__":1}', '+49 170 1234567'));
    fc.assert(
      fc.property(fc.array(cell, { maxLength: IMPORT_FIELDS.length + 2 }), (cells) => {
        const result = compiled.read(cells);
        if (result.ok) normaliseContact(result.contact, { timezone: 'UTC', country: null });
        else expect(result.faults.length).toBeGreaterThan(0);
      }),
    );
  });
});
