import { readFileSync } from 'node:fs';
import { readRecords, sniff, suggestedMapping, suggestMapping } from '@muster/csv';
import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { created, csvOf, ended, importOf, send, uploaded } from './imports-helpers.ts';
import { detailsOf, errorOf, verdictOf, WAIT } from './read.ts';

const fixture = (name: string) => readFileSync(new URL(`../../../../packages/csv/fixtures/exports/${name}`, import.meta.url));

export function importSuite(stack: () => HttpStack): void {
  const start = (id: string, fields: Record<string, unknown> = {}) => stack().post('imports.start', { id, ...fields });

  it('previews a real export', async () => {
    const id = await uploaded(stack(), fixture('mailchimp.csv'));
    const { body } = await stack().get('imports.preview', { id });
    expect(Object.keys(body)).toEqual(['encoding', 'delimiter', 'header', 'columns', 'rows', 'warnings']);
    expect(body).toMatchObject({ encoding: 'utf-8', delimiter: ',', header: true });
    const columns = body.columns as { index: number; header: string; suggestion: string | null; samples: string[] }[];
    const email = columns.find((c) => c.suggestion === 'email');
    expect(email).toMatchObject({ header: 'Email Address', type: 'email', confidence: expect.any(Number) });
    expect((body.rows as string[][])[0]?.[email?.index ?? -1]).toBe(email?.samples[0]);
    const german = await uploaded(stack(), fixture('outlook-de.csv'));
    expect((await stack().get('imports.preview', { id: german })).body).toMatchObject({ header: true });
    const waiting = await created(stack());
    expect(verdictOf(await stack().get('imports.preview', { id: waiting.id }))).toBe('409 import_not_uploaded');
  });

  it('refuses a start that cannot be meant', async () => {
    const id = await uploaded(stack(), csvOf(3));
    for (const [fields, verdict, field] of [
      [{ mapping: { 0: null } }, '422 email_not_mapped', 'mapping'],
      [{ mapping: { 0: 'email', 1: 'email' } }, '422 validation_failed', 'mapping.1'],
      [{ mapping: { 0: 'email', 1: 'shoe_size' } }, '422 validation_failed', 'mapping.1'],
      [{ mapping: { 0: 'email', 17: 'phone' } }, '422 validation_failed', 'mapping.17'],
      [{ mapping: { 0: 7 } }, '422 validation_failed', 'mapping.0'],
      [{ mapping: 'email' }, '422 validation_failed', 'mapping'],
      [{ empty_cells: 'drop' }, '422 validation_failed', 'empty_cells'],
      [{ duplicates: 'all' }, '422 validation_failed', 'duplicates'],
      [{ default_country: 'Atlantis' }, '422 validation_failed', 'default_country'],
      [{ column_formats: { 2: { date: 'dym' } } }, '422 validation_failed', 'column_formats.2.date'],
      [{ column_formats: { 99: { date: 'dmy' } } }, '422 validation_failed', 'column_formats.99'],
      [{ dry_run: 'yes' }, '422 validation_failed', 'dry_run'],
      [{ list_ids: 'newsletter' }, '422 validation_failed', 'list_ids'],
    ] as const) {
      const reply = await start(id, fields);
      expect([fields, verdictOf(reply), detailsOf(reply)[0]?.field]).toEqual([fields, verdict, field]);
    }
    expect(verdictOf(await start(id, { list_ids: ['no-such-list'] }))).toBe('404 list_not_found');
    expect(importOf(await stack().get('imports.get', { id }))).toMatchObject({ status: 'uploaded', started_at: null });
    const waiting = await created(stack());
    expect(verdictOf(await start(waiting.id))).toBe('409 import_not_uploaded');
    expect(verdictOf(await start('x'))).toBe('404 import_not_found');
    for (const [call, verdict] of [
      ['pause', '409 import_not_running'],
      ['resume', '409 import_not_paused'],
    ] as const)
      expect(verdictOf(await stack().post(`imports.${call}`, { id }))).toBe(verdict);
  });

  it('imports, and answers the same file with that import', async () => {
    await stack().post('lists.create', { id: 'imported', name: 'Imported' });
    const text = csvOf(40);
    const id = await uploaded(stack(), text);
    const started = await start(id, { list_ids: ['imported'], surprise: 1 });
    expect(verdictOf(started)).toBe('202');
    expect(started.body.warnings).toEqual([expect.objectContaining({ field: 'surprise', code: 'ignored_field' })]);
    const done = await ended(stack(), id);
    expect(done).toMatchObject({
      ...{ status: 'completed', records: 40, done: 40, list_ids: ['imported'] },
      counts: { created: 40, updated: 0, unchanged: 0, rejected: 0, duplicate: 0 },
      options: { empty_cells: 'keep', duplicates: 'last' },
    });
    expect(verdictOf(await start(id))).toBe('200');
    const copy = await uploaded(stack(), text);
    const again = await start(copy);
    expect([verdictOf(again), importOf(again).id]).toEqual(['200', id]);
    expect(verdictOf(await start(copy, { force: true }))).toBe('202');
    expect(await ended(stack(), copy)).toMatchObject({ counts: { unchanged: 40 } });
    expect(verdictOf(await stack().post('imports.cancel', { id }))).toBe('409 import_ended');
  });

  it('tells why rows were rejected, next to their cells', async () => {
    const id = await uploaded(
      stack(),
      'Email;Note;custom_number_1\n=cmd|x;=1+1;7\nok-rejects@imports.example;;8\nnum@imports.example;"a\nb";seven\n',
    );
    await start(id, { mapping: { 0: 'email', 1: 'custom_string_1', 2: 'custom_number_1' } });
    expect(await ended(stack(), id)).toMatchObject({ status: 'completed', records: 3, counts: { created: 1, rejected: 2 } });
    const reply = await stack().get('imports.rejects', { id });
    expect(reply.headers.get('content-type')).toContain('text/csv');
    const [header, first] = reply.text.split('\r\n');
    expect(header).toBe('line,column,code,reason,Email,Note,custom_number_1');
    expect(first).toMatch(/^2,Email,[a-z_]+,.*,'=cmd\|x,'=1\+1,7$/);
    const sniffed = sniff(Buffer.from(reply.text), { complete: true });
    if (!sniffed.ok) throw new Error('the rejects cannot be read');
    expect(sniffed.rows.map((r) => [r.cells[0], r.cells[1], ...r.cells.slice(4)])).toEqual([
      ['2', 'Email', '=cmd|x', '=1+1', '7'],
      ['4', 'custom_number_1', 'num@imports.example', 'a\nb', 'seven'],
    ]);
    // Corrected, the file goes straight back in.
    const columns = suggestMapping(sniffed.headers, []);
    expect(columns.map((c) => c.suggestion).slice(0, 5)).toEqual([null, null, null, null, 'email']);
  });

  it('streams progress until the end', async () => {
    const id = await uploaded(stack(), csvOf(5_000));
    const response = await fetch(`${stack().stack.apiUrl}/api/imports.events?id=${id}`, {
      headers: { authorization: `Bearer ${stack().stack.devKey}`, 'last-event-id': 'whatever 17' },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reading = response.text();
    await start(id);
    const events = (await reading).split('\n\n').filter((e) => e !== '' && !e.startsWith(':'));
    const parsed = events.map((e) => ({ name: /^event: (.*)$/m.exec(e)?.[1], data: JSON.parse(/^data: (.*)$/m.exec(e)?.[1] ?? 'null') }));
    expect(parsed[0]).toMatchObject({ name: 'progress', data: { import: { id, status: 'uploaded' } } });
    expect(parsed.at(-1)).toMatchObject({ name: 'end', data: { import: { status: 'completed', done: 5_000 } } });
    expect(parsed.filter((e) => e.name === 'end')).toHaveLength(1);
    const again = await stack().get('imports.events', { id }, { headers: { 'last-event-id': 'end' } });
    expect(again.status).toBe(204);
  });

  it('does not go on streaming to somebody who is gone', async () => {
    const { id } = await created(stack());
    const abort = new AbortController();
    const response = await fetch(`${stack().stack.apiUrl}/api/imports.events?id=${id}`, {
      headers: { authorization: `Bearer ${stack().stack.devKey}` },
      signal: abort.signal,
    });
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('event: progress');
    abort.abort();
    await expect(reader?.read()).rejects.toThrow();
  });

  it('lists, cancels and deletes', async () => {
    const ids = [await uploaded(stack(), csvOf(1)), (await created(stack())).id];
    const first = await stack().get('imports.list', { limit: 1 });
    expect((first.body.imports as { id: string }[]).map((i) => i.id)).toEqual([ids[1]]);
    const second = await stack().get('imports.list', { limit: 1, cursor: String(first.body.next_cursor) });
    expect((second.body.imports as { id: string }[]).map((i) => i.id)).toEqual([ids[0]]);
    expect(errorOf(await stack().get('imports.list', { status: 'lost' })).code).toBe('validation_failed');
    const [a, b] = ids;
    expect(importOf(await stack().post('imports.cancel', { id: a }))).toMatchObject({ status: 'cancelled', ended_at: expect.any(String) });
    expect(verdictOf(await stack().post('imports.cancel', { id: a }))).toBe('200');
    expect(verdictOf(await start(String(a)))).toBe('409 import_not_startable');
    for (const id of [a, b]) {
      expect((await stack().post('imports.delete', { id })).body).toMatchObject({ id, status: 'deleted' });
      expect(verdictOf(await stack().get('imports.get', { id: String(id) }))).toBe('404 import_not_found');
    }
  });
}

/** A workspace of its own, so that everything there is what these tests made. */
export function exportSuite(stack: () => HttpStack): void {
  const people = [
    {
      email: "o'hara+1@exports.example",
      external_id: "'=HYPERLINK(1)",
      first_name: '=1+1',
      phone: '+491701234567',
      custom_number_1: -1.234,
    },
    { email: '-minus@exports.example', full_name: '@home, "quoted"\nsecond line', language: 'pt-BR', custom_number_1: 1.234 },
    { email: 'json@exports.example', custom_json_1: { a: ['x', 1, null], 'b,"c"': '=2' }, custom_json_2: [], custom_number_2: 1e21 },
    { email: 'dates@exports.example', custom_datetime_1: '2024-02-29T23:59:59.123Z', timezone: 'Europe/Berlin', country: 'GB' },
    {
      email: 'text@exports.example',
      custom_string_1: '  padded ',
      custom_string_2: "'01067",
      custom_string_3: '1.234,50',
      postcode: '01067',
    },
    { email: 'ünï@exports.example', last_name: 'Straße', custom_string_1: '', address_line_1: '-5' },
  ];

  it('exports what an import takes back as it is', async () => {
    const key = await stack().key(['admin'], 'exports');
    const made = await stack().post('contacts.import', { contacts: people }, { key, ...WAIT });
    expect(made.body.rejected).toEqual([]);
    const reply = await stack().get('contacts.export', {}, { key });
    expect(reply.headers.get('content-type')).toContain('text/csv');
    expect(reply.text).toContain("'=1+1");
    expect(reply.text).toContain(',+491701234567,');
    const bytes = Buffer.from(reply.text);
    const sniffed = sniff(bytes, { complete: true });
    if (!sniffed.ok) throw new Error('the export cannot be read');
    const columns = suggestMapping(
      sniffed.headers,
      sniffed.rows.map((r) => r.cells),
    );
    expect(Object.values(suggestedMapping(columns))).toEqual(sniffed.headers);
    const rows = [];
    for await (const batch of readRecords([bytes], sniffed.dialect)) rows.push(...batch.map((r) => r.cells));
    expect(rows.map((r) => r[0]).toSorted()).toEqual(people.map((p) => p.email).toSorted());

    const before = (await stack().get('contacts.list', { limit: 100 }, { key })).body.contacts;
    const { body } = await stack().post('imports.create', { file_name: 'export.csv' }, { key });
    const auth = { authorization: `Bearer ${key}` };
    expect(verdictOf(await send(stack(), 'PUT', String(body.upload_url), bytes, auth))).toBe('200');
    const id = (body.import as { id: string }).id;
    expect(verdictOf(await stack().post('imports.start', { id }, { key }))).toBe('202');
    for (let tries = 0; tries < 200; tries += 1) {
      const row = importOf(await stack().get('imports.get', { id }, { key }));
      if (row.ended_at === null) await new Promise((resolve) => setTimeout(resolve, 100));
      else {
        expect(row.counts).toEqual({ created: 0, updated: 0, unchanged: people.length, rejected: 0, duplicate: 0 });
        break;
      }
    }
    expect((await stack().get('contacts.list', { limit: 100 }, { key })).body.contacts).toEqual(before);
  });

  it('exports a filter, all pages of it, and fails before it begins', async () => {
    const key = await stack().key(['admin'], 'exports');
    const contacts = Array.from({ length: 2_500 }, (_, i) => ({ email: `many-${i}@exports.example`, country: i % 2 ? 'FR' : 'DE' }));
    await stack().post('contacts.import', { contacts }, { key, ...WAIT });
    const lines = async (query: Record<string, string>) =>
      (await stack().get('contacts.export', query, { key })).text.trimEnd().split('\r\n').slice(1);
    expect(new Set(await lines({ email: 'many-' })).size).toBe(2_500);
    expect(await lines({ email: 'many-', country: 'France' })).toHaveLength(1_250);
    expect(await lines({ email: 'nobody-at-all' })).toEqual([]);
    const reader = await stack().key(['ingest'], 'exports');
    expect(verdictOf(await stack().get('contacts.export', {}, { key: reader }))).toBe('403 forbidden_scope');
    expect(verdictOf(await stack().get('contacts.export', { list_id: 'nope' }, { key }))).toBe('404 list_not_found');
    expect(verdictOf(await stack().get('contacts.export', { segment_id: 'nope' }, { key }))).toBe('404 segment_not_found');
    expect(verdictOf(await stack().get('contacts.export', { segment_id: 'nope', email: 'x' }, { key }))).toBe('422 validation_failed');
    expect((await stack().get('contacts.export', {}, { key, method: 'HEAD' })).text).toBe('');
  });
}
