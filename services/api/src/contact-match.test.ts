import type { ContactRow } from '@muster/postgres';
import { expect, it } from 'vitest';
import { matchesFilter } from './contact-match.ts';

const row: ContactRow = {
  contact_id: 1,
  email: 'ada@example.com',
  external_id: null,
  created_at: '',
  updated_at: '',
  version: 1,
  created_by_event: false,
  fields: { full_name: 'ΟΔΟΣ 100%', country: 'GB' },
};

it('reads substrings literally, without case, final sigma as sigma', () => {
  expect(matchesFilter(row, [], { contains: { full_name: 'οδος' }, equals: {} })).toBe(true);
  expect(matchesFilter(row, [], { contains: { full_name: '0%' }, equals: { country: 'gb' } })).toBe(true);
  expect(matchesFilter(row, [], { contains: { full_name: '1_0' }, equals: {} })).toBe(false);
  expect(matchesFilter(row, [], { contains: { external_id: 'x' }, equals: {} })).toBe(false);
});

it('wants list and status of one membership', () => {
  const member = { contact_id: 1, list_id: 'a', status: 'active' as const, created_at: '', updated_at: '' };
  expect(matchesFilter(row, [member], { contains: {}, equals: {}, list: { id: 'a' } })).toBe(true);
  expect(
    matchesFilter(row, [member, { ...member, list_id: 'b', status: 'bounced' }], {
      contains: {},
      equals: {},
      list: { id: 'a', status: 'bounced' },
    }),
  ).toBe(false);
});
