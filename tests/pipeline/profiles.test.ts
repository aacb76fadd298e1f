import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  chRow,
  contactByEmail,
  delivered,
  entriesOf,
  type Pipeline,
  patch,
  sendEvents,
  sendProfiles,
  startPipeline,
} from '../support/pipeline.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline();
}, 120_000);
afterAll(() => p?.close());

describe('profiles', () => {
  test('unknown email creates, known email merges the given fields, repeating writes nothing', async () => {
    const [first] = await delivered(p, await sendProfiles(p, [{ op: 'upsert', patch: patch('ada@x.io', { first_name: 'Ada' }) }]));
    expect(first?.verdicts.map((v) => v.v)).toEqual(['c']);
    const [second] = await delivered(p, await sendProfiles(p, [{ op: 'upsert', patch: patch('ada@x.io', { last_name: 'L' }) }]));
    expect(second?.verdicts.map((v) => v.v)).toEqual(['u']);
    const [third] = await delivered(p, await sendProfiles(p, [{ op: 'upsert', patch: patch('ada@x.io', { last_name: 'L' }) }]));
    expect(third?.verdicts.map((v) => v.v)).toEqual(['n']);
    const ada = await contactByEmail(p, 'ada@x.io');
    expect(ada?.fields).toEqual({ first_name: 'Ada', last_name: 'L' });
    expect(ada?.version).toBe(2);
    const entries = await entriesOf(p, ada?.contact_id ?? 0);
    expect(entries.map((e) => e.kind)).toEqual(['contact.created', 'contact.updated']);
    expect(await entriesOf(p, ada?.contact_id ?? 0, 'timeline_by_kind')).toEqual(entries);
    const mirror = await chRow<{ first_name: string; last_name: string; version: string }>(
      p,
      'SELECT first_name, last_name, version FROM contacts FINAL WHERE workspace_id = {ws:UInt32} AND email = {email:String}',
      { email: 'ada@x.io' },
    );
    expect(mirror).toMatchObject({ first_name: 'Ada', last_name: 'L' });
  });

  test('an event for an unknown email creates that contact', async () => {
    const [row] = await delivered(p, await sendEvents(p, [{ kind: 'open_email', email: 'new@x.io', id: 'e1' }]));
    expect(row?.verdicts[0]?.v).toBe('s');
    const contact = await contactByEmail(p, 'new@x.io');
    expect((await entriesOf(p, contact?.contact_id ?? 0)).map((e) => e.kind)).toEqual(['contact.created', 'open_email']);
  });
});
