import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { WAIT } from './read.ts';

type Page = { next_cursor?: string } & Record<string, unknown>;

export function pagingSuite(stack: () => HttpStack): void {
  const all = async <T>(call: string, noun: string, query: Record<string, string | number>): Promise<T[]> => {
    const found: T[] = [];
    for (let cursor: string | undefined, pages = 0; pages < 50; pages += 1) {
      const page = (await stack().get(call, { ...query, ...(cursor ? { cursor } : {}) })).body as Page;
      found.push(...(page[noun] as T[]));
      cursor = page.next_cursor;
      if (!cursor) return found;
    }
    throw new Error('the pages do not end');
  };

  it('lists every contact exactly once, whatever filter', async () => {
    await stack().post('lists.create', { id: 'paged', name: 'Paged' });
    const contacts = Array.from({ length: 23 }, (_, i) => ({
      email: `page-${i}@example.com`,
      full_name: i % 2 ? 'ΟΔΟΣ 100%_x' : 'Straße',
      country: 'Greece',
    }));
    await stack().post('contacts.import', { contacts, list_ids: ['paged'] }, WAIT);
    type Contact = { email: string };
    const emails = async (query: Record<string, string | number>) =>
      (await all<Contact>('contacts.list', 'contacts', query)).map((c) => c.email);
    for (const query of [
      { email: 'PAGE-' },
      { list_id: 'paged' },
      { list_id: 'paged', list_status: 'active' },
      { country: 'gr', email: 'page-' },
    ]) {
      const found = await emails({ ...query, limit: 5 });
      expect(found.length).toBe(23);
      expect(new Set(found).size).toBe(23);
    }
    expect((await emails({ full_name: 'οδος', limit: 4 })).length).toBe(11);
    expect((await emails({ full_name: '100%_', limit: 4 })).length).toBe(11);
    expect((await emails({ full_name: '1__%' })).length).toBe(0);
    expect((await emails({ list_id: 'paged', list_status: 'bounced' })).length).toBe(0);
    expect(new Set(await emails({ limit: 7 })).size).toBe((await emails({ limit: 100 })).length);
    const counted = await stack().get('contacts.count', { list_id: 'paged', full_name: 'οδος' });
    expect(counted.body).toEqual({ count: 11 });
    const withLists = await stack().get('contacts.list', { email: 'page-1@', with_contact_lists: 'true' });
    expect(withLists.body.contacts).toEqual([expect.objectContaining({ contact_lists: [expect.objectContaining({ list_id: 'paged' })] })]);
  });

  it('pages a timeline with ties, newest first, and by kind', async () => {
    const at = '2026-01-01T10:00:00Z';
    const events = Array.from({ length: 17 }, (_, i) => ({
      email: 'ties@example.com',
      kind: i % 2 ? 'open_email' : 'click_email',
      occurred_at: at,
      message_id: `m${i}`,
    }));
    await stack().post('timeline.ingest', { events }, WAIT);
    await stack().post('customEvents.upsert', { event_name: 'mid', external_id: 'tie', email: 'ties@example.com', occurred_at: at }, WAIT);
    type Entry = { id: string; kind: string; message_id?: string; occurred_at: string };
    const entries = await all<Entry>('timeline.list', 'timeline', { email: 'ties@example.com', limit: 4 });
    expect(new Set(entries.map((e) => e.id)).size).toBe(entries.length);
    const messages = entries.filter((e) => e.message_id !== undefined).map((e) => e.message_id);
    expect(messages).toEqual(Array.from({ length: 17 }, (_, i) => `m${16 - i}`));
    expect(entries.map((e) => e.occurred_at)).toEqual(
      entries
        .map((e) => e.occurred_at)
        .toSorted()
        .reverse(),
    );
    expect(entries.filter((e) => e.kind === 'custom_event.mid').length).toBe(1);
    expect((await all('timeline.list', 'timeline', { email: 'ties@example.com', 'kinds[]': 'open_email', limit: 3 })).length).toBe(8);
  });

  it('pages custom events and members', async () => {
    const events = Array.from({ length: 11 }, (_, i) => ({
      event_name: i % 2 ? 'odd' : 'even',
      external_id: `c${i}`,
      email: 'coll@example.com',
    }));
    await stack().post('customEvents.import', { events }, WAIT);
    type Event = { external_id: string };
    const found = await all<Event>('customEvents.list', 'events', { email: 'coll@example.com', limit: 3 });
    expect(new Set(found.map((e) => e.external_id)).size).toBe(11);
    expect((await all('customEvents.list', 'events', { email: 'coll@example.com', event_name: 'odd', limit: 2 })).length).toBe(5);
    expect((await all('contactLists.getContactsByList', 'contacts', { list_id: 'paged', limit: 10 })).length).toBe(23);
  });
}
