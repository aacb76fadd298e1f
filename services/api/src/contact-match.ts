/** The filters of contacts.list on a row of Postgres; the same meaning as the statement on the mirror. */
import type { ContactFilter } from '@muster/clickhouse';
import type { ContactRow, VisibleMembership } from '@muster/postgres';

/** Lower case as ClickHouse's `lowerUTF8` has it, with the final sigma read as sigma. */
export function fold(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ');
}

export function matchesFilter(row: ContactRow, memberships: readonly VisibleMembership[], filter: ContactFilter): boolean {
  for (const [field, needle] of Object.entries(filter.contains)) {
    if (!fold(textOf(row, field)).includes(fold(needle))) return false;
  }
  for (const [field, wanted] of Object.entries(filter.equals)) {
    if (fold(textOf(row, field)) !== fold(wanted)) return false;
  }
  const { list } = filter;
  if (!list) return true;
  return memberships.some(
    (m) => m.contact_id === row.contact_id && m.list_id === list.id && (list.status === undefined || m.status === list.status),
  );
}

function textOf(row: ContactRow, field: string): string {
  const value = field === 'email' ? row.email : field === 'external_id' ? row.external_id : row.fields[field];
  return typeof value === 'string' ? value : '';
}
