/** Definitions of segments: their life, and every way in which a tree can be wrong. */
import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { detailsOf, verdictOf } from './read.ts';
import { activity, branch, contacts, everybody, faultsOf, goal, inList, inSegment, type Json, json, text, workspace } from './trees.ts';

const nested = (levels: number): unknown => Array.from({ length: levels }).reduce((inner: unknown) => branch('and', inner), everybody);
const FILTER = 'tree.leaf.contact.filters[0]';
const TIMES = 'tree.leaf.contact_timeline';
const GOAL = 'tree.leaf.custom_events_goal';
const created = (operator: string, ...values: string[]) =>
  contacts({ field_name: 'created_at', field_type: 'time', operator, string_values: values });
const number = (operator: string, number_values: unknown[]) =>
  contacts({ field_name: 'custom_number_1', field_type: 'number', operator, number_values });

const FAULTY: [string, unknown, string[]][] = [
  ['no tree', undefined, ['tree required']],
  ['null', null, ['tree invalid_type']],
  ['a text', 'x', ['tree invalid_type']],
  ['an array', [], ['tree invalid_type']],
  ['no kind', {}, ['tree.kind unknown_kind']],
  ['another kind', { kind: 'twig' }, ['tree.kind unknown_kind']],
  ['a branch without leaves', branch('and'), ['tree.branch.leaves empty_not_allowed']],
  ['another operator of a branch', branch('xor', everybody), ['tree.branch.operator unknown_operator']],
  ['another source', { kind: 'leaf', leaf: { source: 'orders', orders: {} } }, ['tree.leaf.source unknown_source']],
  ['a leaf without filters', contacts(), ['tree.leaf.contact.filters empty_not_allowed']],
  ['an unknown field', contacts(text('shoe_size', 'is_set')), [`${FILTER}.field_name unknown_field`]],
  ['SQL as a field', contacts(text('email) OR 1=1 --', 'is_set')), [`${FILTER}.field_name unknown_field`]],
  ['a property of objects as a field', contacts(text('constructor', 'is_set')), [`${FILTER}.field_name unknown_field`]],
  [
    'a type that does not fit',
    contacts({ ...text('email', 'is_set'), field_type: 'number' }),
    [`${FILTER}.field_type field_type_mismatch`],
  ],
  ['an unknown operator', contacts(text('email', 'matches', 'x')), [`${FILTER}.operator unknown_operator`]],
  ['an operator of another type', contacts(text('email', 'gt', '5')), [`${FILTER}.operator operator_not_allowed`]],
  ['values where none belong', contacts(text('email', 'is_set', 'x')), [`${FILTER}.string_values wrong_arity`]],
  ['no values', contacts(text('email', 'equals')), [`${FILTER}.string_values wrong_arity`]],
  ['two numbers', number('gt', [1, 2]), [`${FILTER}.number_values wrong_arity`]],
  ['a numeric text', number('equals', ['5']), [`${FILTER}.number_values[0] invalid_type`]],
  ['an empty needle', contacts(text('email', 'contains', 'a', '')), [`${FILTER}.string_values[1] empty_not_allowed`]],
  ['NUL in a value', contacts(text('email', 'equals', 'a\0b')), [`${FILTER}.string_values[0] invalid_characters`]],
  ['half a character', contacts(text('email', 'equals', '\ud800')), [`${FILTER}.string_values[0] invalid_characters`]],
  ['NUL in a path', contacts(json(['a\0'], 'is_set')), [`${FILTER}.json_path[0] invalid_characters`]],
  ['a JSON field without a path', contacts({ ...json([], 'equals', { string_values: ['x'] }) }), [`${FILTER}.json_path required`]],
  ['a relative time in JSON', contacts(json(['a'], 'in_the_last_days', { string_values: ['7'] })), [`${FILTER}.operator relative_on_json`]],
  ['a day that does not exist', created('before_date', '2026-02-30'), [`${FILTER}.string_values[0] invalid_datetime`]],
  ['a time without an offset', created('after_date', '2026-02-03T10:00:00'), [`${FILTER}.string_values[0] invalid_datetime`]],
  [
    'a range that ends before it starts',
    created('in_date_range', '2026-02-03', '2026-02-02'),
    [`${FILTER}.string_values[1] invalid_value`],
  ],
  ['a range with one end', created('in_date_range', '2026-02-03'), [`${FILTER}.string_values wrong_arity`]],
  ['no days', created('in_the_last_days', '0'), [`${FILTER}.string_values[0] invalid_days`]],
  ['days the wrong way round', created('between_days_ago', '2', '5'), [`${FILTER}.string_values[1] invalid_value`]],
  ['an unknown field of a filter', contacts({ ...text('email', 'is_set'), negate: true }), [`${FILTER}.negate unknown_field`]],
  ['segment entries as activity', activity({ kind: 'segment.joined' }), [`${TIMES}.kind invalid_kind`]],
  ['an unknown kind', activity({ kind: 'sneeze' }), [`${TIMES}.kind invalid_kind`]],
  ['a negative count', activity({ count_value: -1 }), [`${TIMES}.count_value invalid_value`]],
  ['half a count', activity({ count_value: 1.5 }), [`${TIMES}.count_value invalid_type`]],
  ['a timeframe without values', activity({ timeframe_operator: 'in_the_last_days' }), [`${TIMES}.timeframe_values wrong_arity`]],
  ['values without a timeframe', activity({ timeframe_values: ['7'] }), [`${TIMES}.timeframe_values wrong_arity`]],
  ['between without the second value', goal({ operator: 'between' }), [`${GOAL}.value_2 required`]],
  ['an unknown aggregate', goal({ aggregate_operator: 'median' }), [`${GOAL}.aggregate_operator unknown_operator`]],
  ['an unknown goal', goal({ goal_type: 'fame' }), [`${GOAL}.goal_type unknown_goal_type`]],
  ['an unknown status', inList('news', { status: 'happy' }), ['tree.leaf.contact_list.status unknown_status']],
  ['an id that can be no list', inList('No List'), ['tree.leaf.contact_list.list_id invalid_value']],
  ['an unknown list', inList('no-such-list'), ['tree.leaf.contact_list.list_id list_not_found']],
  ['an unknown segment', inSegment('no_such_segment'), ['tree.leaf.segment.segment_id segment_not_found']],
  ['11 levels', nested(11), [`tree${'.branch.leaves[0]'.repeat(10)} too_deep`]],
  ['201 leaves', branch('or', ...Array.from({ length: 201 }, () => everybody)), ['tree too_many_leaves']],
  [
    '300 kB',
    contacts(
      ...Array.from({ length: 10 }, () => text('email', 'equals', ...Array.from({ length: 33 }, (_, i) => String(i).padEnd(900, 'x')))),
    ),
    ['tree too_large'],
  ],
  [
    'a filter with 36,000 characters of values',
    contacts(text('email', 'equals', ...Array.from({ length: 40 }, (_, i) => String(i).padEnd(900, 'x')))),
    [`${FILTER}.string_values too_large`],
  ],
  [
    'several faults at once',
    branch('and', contacts(text('nope', 'is_set'), text('email', 'contains', '')), inList('UPPER')),
    [
      'tree.branch.leaves[0].leaf.contact.filters[0].field_name unknown_field',
      'tree.branch.leaves[0].leaf.contact.filters[1].string_values[0] empty_not_allowed',
      'tree.branch.leaves[1].leaf.contact_list.list_id invalid_value',
    ],
  ],
];

export function segmentSuite(stack: () => HttpStack): void {
  const ws = workspace(stack, 'segment-definitions');
  const { post, get, create } = ws;
  const segmentOf = (reply: { body: Json }) => reply.body.segment as Json;

  it.each(FAULTY)('refuses %s', async (_name, tree, faults) => {
    for (const reply of [await create('faulty', tree), await post('segments.preview', { tree })]) {
      expect(verdictOf(reply)).toBe('422 validation_failed');
      expect(faultsOf(reply)).toEqual(faults);
    }
    expect(verdictOf(await get('segments.get', { id: 'faulty' }))).toBe('404 segment_not_found');
  });

  it('tells the faults of the fields and of the tree together', async () => {
    const body = { id: 'Bad Id', name: ' ', color: 'x'.repeat(33), timezone: 'Mars/Phobos', tree: branch('and'), extra: 1 };
    const reply = await post('segments.create', body);
    expect(faultsOf(reply)).toEqual([
      'id invalid_value',
      'name invalid_value',
      'color too_long',
      'timezone invalid_timezone',
      'tree.branch.leaves empty_not_allowed',
    ]);
    expect(reply.text).not.toMatch(/Mars|SELECT/);
    for (const [field, value, code] of [
      ['name', '\u{1f600}'.repeat(256), 'too_long'],
      ['name', 'a\0b', 'invalid_characters'],
      ['name', undefined, 'required'],
      ['timezone', '+02:00', 'invalid_timezone'],
      ['timezone', 5, 'invalid_type'],
      ['id', '', 'invalid_value'],
      ['id', 'x'.repeat(33), 'invalid_value'],
    ] as const)
      expect(faultsOf(await create('fields', everybody, { [field]: value }))).toEqual([`${field} ${code}`]);
    expect(verdictOf(await create('fields', everybody, { name: '\u{1f600}'.repeat(255) }))).toBe('201');
    const forbidden = await post('segments.create', `{"id":"p","name":"p","__proto__":{},"tree":${JSON.stringify(everybody)}}`);
    expect(detailsOf(forbidden).map((d) => d.code)).toEqual(['forbidden_key']);
  });

  it('does not choke on a body of faults or of brackets', async () => {
    const faulty = contacts({ ...text('email', 'equals'), string_values: Array.from({ length: 999 }, () => 1) });
    const many = await post('segments.preview', { tree: branch('or', ...Array.from({ length: 9 }, () => faulty)) });
    expect([verdictOf(many), detailsOf(many).length]).toEqual(['422 validation_failed', 1_000]);
    const more = await post('segments.preview', { tree: branch('or', ...Array.from({ length: 11 }, () => faulty)) });
    expect(faultsOf(more)).toEqual(['tree too_large']);
    expect(faultsOf(await post('segments.preview', `{"tree":${'[1,'.repeat(500_000)}1${']'.repeat(500_000)}}`))).toEqual([
      'tree too_large',
    ]);
    const brackets = `${'{"kind":"branch","branch":{"operator":"and","leaves":['.repeat(5_000)}${']}}'.repeat(5_000)}`;
    expect(faultsOf(await post('segments.preview', `{"tree":${brackets}}`))[0]).toMatch(/ too_deep$/);
  });

  it('creates, changes and deletes', async () => {
    const reply = await create('life', everybody, { timezone: 'europe/berlin', color: '#0a0', note: 'x' });
    expect(reply.status).toBe(201);
    expect(reply.body.warnings).toEqual([expect.objectContaining({ field: 'note', code: 'ignored_field' })]);
    const segment = { id: 'life', name: 'life', color: '#0a0', timezone: 'Europe/Berlin', tree: everybody, version: 1 };
    expect(segmentOf(reply)).toMatchObject({ ...segment, status: 'building', users_count: 0, computed_at: null });
    expect(segmentOf(reply)).not.toHaveProperty('error');
    expect(segmentOf(await get('segments.get', { id: 'life' }))).toEqual(segmentOf(reply));
    expect(verdictOf(await create('life', everybody))).toBe('409 segment_exists');

    const renamed = await post('segments.update', { id: 'life', name: 'Still life', color: null });
    expect([renamed.status, segmentOf(renamed)]).toEqual([200, expect.objectContaining({ name: 'Still life', color: null, version: 1 })]);
    const same = await post('segments.update', { id: 'life', tree: everybody, timezone: 'Europe/Berlin' });
    expect(segmentOf(same).version).toBe(1);
    const tree = contacts(text('country', 'equals', 'FR'));
    expect(segmentOf(await post('segments.update', { id: 'life', tree }))).toMatchObject({ version: 2, tree, name: 'Still life' });
    expect(segmentOf(await post('segments.update', { id: 'life', timezone: 'Asia/Tokyo' }))).toMatchObject({ version: 3, tree });
    expect(faultsOf(await post('segments.update', { id: 'life', tree: null }))).toEqual(['tree invalid_type']);
    expect(verdictOf(await post('segments.update', { id: 'nobody', tree }))).toBe('404 segment_not_found');

    const rebuilt = await post('segments.rebuild', { id: 'life' });
    expect([rebuilt.status, segmentOf(rebuilt).status]).toEqual([202, 'building']);
    expect(verdictOf(await post('segments.rebuild', { id: 'nobody' }))).toBe('404 segment_not_found');
    expect((await post('segments.delete', { id: 'life' })).body).toMatchObject({ id: 'life', status: 'deleting' });
    for (const call of ['segments.delete', 'segments.rebuild', 'segments.update'])
      expect(verdictOf(await post(call, { id: 'life' }))).toBe('404 segment_not_found');
    const again = await create('life', everybody);
    expect([again.status, segmentOf(again)]).toEqual([201, expect.objectContaining({ version: 1, timezone: 'UTC' })]);
    const { segments } = (await get('segments.list')).body as { segments: Json[] };
    expect(segments.filter((s) => s.id === 'life').length).toBe(1);
  });

  it('refuses cycles, and keeps what is referred to', async () => {
    await post('lists.create', { id: 'needed', name: 'Needed' });
    await create('one', branch('and', everybody, inList('needed')));
    await create('two', inSegment('one', 'not_in'));
    await create('three', branch('or', everybody, branch('none', inSegment('two'))));
    expect(faultsOf(await create('self', inSegment('self')))).toEqual(['tree.leaf.segment.segment_id segment_cycle']);
    for (const target of ['one', 'two', 'three'])
      expect(faultsOf(await post('segments.update', { id: 'one', tree: branch('and', inSegment(target)) }))).toEqual([
        'tree.branch.leaves[0].leaf.segment.segment_id segment_cycle',
      ]);
    const used = await post('segments.delete', { id: 'two' });
    expect([verdictOf(used), detailsOf(used)]).toEqual([
      '409 segment_in_use',
      [expect.objectContaining({ message: expect.stringContaining('three') })],
    ]);
    expect(verdictOf(await post('lists.delete', { id: 'needed' }))).toBe('409 list_in_use');
    expect(verdictOf(await get('lists.get', { id: 'needed' }))).toBe('200');
    for (const id of ['three', 'two', 'one']) expect(verdictOf(await post('segments.delete', { id }))).toBe('200');
    expect(verdictOf(await post('lists.delete', { id: 'needed' }))).toBe('200');
    expect(verdictOf(await post('lists.delete', { id: 'needed' }))).toBe('404 list_not_found');
  });

  it('keeps workspaces and scopes apart', async () => {
    const key = await stack().key(['write'], 'segment-definitions');
    expect(verdictOf(await stack().get('segments.list', {}, { key }))).toBe('403 forbidden_scope');
    const reader = await stack().key(['read'], 'segment-definitions');
    for (const call of ['create', 'update', 'delete', 'rebuild'])
      expect(verdictOf(await stack().post(`segments.${call}`, { id: 'x' }, { key: reader }))).toBe('403 forbidden_scope');
    await create('ours', everybody);
    const stranger = await stack().key(['admin'], 'segment-strangers');
    expect(verdictOf(await stack().get('segments.get', { id: 'ours' }, { key: stranger }))).toBe('404 segment_not_found');
    expect(verdictOf(await stack().post('segments.delete', { id: 'ours' }, { key: stranger }))).toBe('404 segment_not_found');
    expect((await stack().get('segments.list', {}, { key: stranger })).body).toEqual({ segments: [] });
    const borrowed = await stack().post('segments.create', { id: 'x', name: 'x', tree: inSegment('ours') }, { key: stranger });
    expect(faultsOf(borrowed)).toEqual(['tree.leaf.segment.segment_id segment_not_found']);
  });
}
