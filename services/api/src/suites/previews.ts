/** segments.preview: exact counts against a handful of contacts, whatever is in their values. */
import { createClickHouse } from '@muster/clickhouse';
import { type Node, previewTree, TooHeavyError } from '@muster/segments';
import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { verdictOf, WAIT } from './read.ts';
import { activity, branch, contacts, everybody, faultsOf, goal, inList, inSegment, json, text, workspace } from './trees.ts';

const SQL = "'); DROP TABLE contacts; --";
const NAMES = ["O'Neil", '100%_x', 'a\\b', SQL, '{p0:String}', '{{1}}', '"; SELECT 1 /*', 'ΟΔΟΣ', '\u{1f600}\t\n\\n', ''];

export function previewSuite(stack: () => HttpStack): void {
  const { post, upsert, create, workspaceId } = workspace(stack, 'segment-previews');
  const names = async (tree: unknown, more = {}) => {
    const reply = await post('segments.preview', { tree, limit: 100, ...more });
    expect([reply.status, reply.body]).toEqual([200, expect.objectContaining({ took_ms: expect.any(Number), warnings: [] })]);
    const found = reply.body.contacts as { first_name: string | null }[];
    expect(reply.body.total_count).toBe(found.length);
    return found.map((c) => c.first_name).sort();
  };

  it('takes every value literally', async () => {
    await upsert({ email: 'nameless@example.com' });
    for (const [i, first_name] of NAMES.entries())
      await upsert({ email: `name-${i}@example.com`, first_name, custom_json_1: { [first_name]: { "it's": [first_name, i] } } });
    const all = [...NAMES, null];
    expect(await names(everybody)).toEqual(all.toSorted());
    for (const name of NAMES) {
      const others = all.filter((n) => n !== name).sort();
      expect(await names(contacts(text('first_name', 'equals', name)))).toEqual([name]);
      expect(await names(contacts(text('first_name', 'not_equals', name)))).toEqual(others);
      expect(await names(contacts(json([name, "it's", '0'], 'equals', { string_values: [name] })))).toEqual([name]);
      expect(await names(contacts(json([name], 'is_not_set')))).toEqual(others);
    }
    for (const needle of ['%', '_', '\\', "'", '\\n', '{p0:', '/*', '--'])
      expect(await names(contacts(text('first_name', 'contains', needle)))).toEqual(NAMES.filter((n) => n.includes(needle)).sort());
    expect(await names(contacts(text('first_name', 'ends_with', 'οδος')))).toEqual(['ΟΔΟΣ']);
    expect(await names(contacts(text('first_name', 'starts_with', '100%_X', "o'n")))).toEqual(['100%_x', "O'Neil"]);
  }, 60_000);

  it('combines every source', async () => {
    await post('lists.create', { id: 'readers', name: 'Readers' });
    for (const first_name of ['Ada', 'Bob', 'Cy'])
      await upsert({ email: `${first_name}@sources.example`, first_name, created_at: '2024-03-31T00:30:00Z' }, { list_ids: ['readers'] });
    const events = ['ada', 'ada', 'bob'].map((who) => ({ email: `${who}@sources.example`, kind: 'open_email', template_id: 'spring' }));
    await post('timeline.ingest', { events }, WAIT);
    const paid = { event_name: 'paid', goal_type: 'purchase' };
    const orders = [
      { ...paid, external_id: '1', email: 'bob@sources.example', goal_value: 0.1 },
      { ...paid, external_id: '2', email: 'bob@sources.example', goal_value: '0.2' },
    ];
    await post('customEvents.import', { events: orders }, WAIT);
    const readers = inList('readers', { status: 'active' });
    expect(await names(readers)).toEqual(['Ada', 'Bob', 'Cy']);
    expect(await names(branch('and', readers, activity({ count_value: 2, template_id: 'spring' })))).toEqual(['Ada']);
    expect(await names(branch('and', readers, activity({ count_operator: 'exactly', count_value: 0 })))).toEqual(['Cy']);
    expect(await names(goal({ goal_type: 'purchase', aggregate_operator: 'sum', operator: 'eq', value: 0.3 }))).toEqual(['Bob']);
    expect(await names(branch('and', readers, branch('none', goal({}), activity({}))))).toEqual(['Cy']);
    // Half past midnight UTC is 1:30 in Paris, and still the day before in New York.
    const day = branch(
      'and',
      readers,
      contacts({ field_name: 'created_at', field_type: 'time', operator: 'after_date', string_values: ['2024-03-30'] }),
    );
    expect(await names(day, { timezone: 'Europe/Paris' })).toEqual(['Ada', 'Bob', 'Cy']);
    expect(await names(day, { timezone: 'america/new_york' })).toEqual([]);
  }, 60_000);

  it('answers the first contacts, and how many there are', async () => {
    const ten = await post('segments.preview', { tree: everybody });
    const two = await post('segments.preview', { tree: everybody, limit: 2, note: 1 });
    const ids = (reply: typeof ten) => (reply.body.contacts as { contact_id: number }[]).map((c) => c.contact_id);
    expect([ids(ten).length, ids(two)]).toEqual([10, ids(ten).slice(0, 2)]);
    expect(ids(ten)).toEqual(ids(ten).toSorted((a, b) => a - b));
    expect(two.body).toMatchObject({ total_count: ten.body.total_count, warnings: [expect.objectContaining({ field: 'note' })] });
    for (const limit of [0, 101, 1.5, '5', null])
      expect(faultsOf(await post('segments.preview', { tree: everybody, limit }))[0]).toMatch(/^limit (invalid_|too_large)/);
    expect(faultsOf(await post('segments.preview', { tree: everybody, timezone: 'Nowhere' }))).toEqual(['timezone invalid_timezone']);
  });

  it('waits for segments that were never complete', async () => {
    await create('unborn', everybody);
    expect(verdictOf(await post('segments.preview', { tree: inSegment('unborn', 'not_in') }))).toBe('409 segment_not_ready');
  });

  it('gives up on what takes too much, and ClickHouse goes on', async () => {
    const clickhouse = createClickHouse(stack().stack.stores.clickhouseUrl);
    // A small one may be done before its memory is counted.
    const tree = branch('or', everybody, ...Array.from({ length: 40 }, (_, n) => contacts(text('email', 'contains', `x${n}`)))) as Node;
    const evaluation = {
      ...{ workspaceId: await workspaceId(), tree, timezone: 'UTC', now: Date.now(), limit: 1 },
      members: () => {
        throw new Error('the tree refers to no segment');
      },
    };
    await expect(previewTree(clickhouse, evaluation, { seconds: 10, memoryBytes: 1 })).rejects.toThrow(TooHeavyError);
    expect((await previewTree(clickhouse, evaluation, { seconds: 10, memoryBytes: 1e9 })).contactIds.length).toBe(1);
    await clickhouse.close();
  });
}
