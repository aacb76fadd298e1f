/** Reads on the mirror of the profiles. Values are always bound; columns come from the lists below. */
import type { ClickHouse } from '../client.ts';

export type ContactFilter = {
  /** Case-insensitive literal substrings. */
  contains: Partial<Record<ContainsField, string>>;
  /** Case-insensitive equality. */
  equals: Partial<Record<EqualsField, string>>;
  /** A live membership of this list, with this status when given. */
  list?: { id: string; status?: string };
  members?: MemberCondition;
};
/** Members of segments: expressions for `WITH`, what holds for a member's `contact_id`, and the parameters of both. */
export type MemberCondition = { expressions: readonly string[]; condition: string; params: Readonly<Record<string, unknown>> };
const CONTAINS = ['email', 'external_id', 'first_name', 'last_name', 'full_name', 'phone'] as const;
const EQUALS = ['country', 'language'] as const;
export type ContainsField = (typeof CONTAINS)[number];
export type EqualsField = (typeof EQUALS)[number];

/** Both sides through `lowerUTF8`, final sigma read as sigma: what "case-insensitive" means everywhere. */
export const fold = (expression: string): string => `replaceAll(lowerUTF8(${expression}), 'ς', 'σ')`;

/** `with` begins the statement; it is empty unless the filter needs it. */
function conditions(workspaceId: number, filter: ContactFilter): { with: string; where: string; params: Record<string, unknown> } {
  const where = ['workspace_id = {ws:UInt32}'];
  const params: Record<string, unknown> = { ws: workspaceId, ...filter.members?.params };
  for (const field of CONTAINS) {
    const needle = filter.contains[field];
    if (needle === undefined) continue;
    where.push(`position(${fold(`ifNull(${field}, '')`)}, ${fold(`{${field}:String}`)}) > 0`);
    params[field] = needle;
  }
  for (const field of EQUALS) {
    const value = filter.equals[field];
    if (value === undefined) continue;
    where.push(`${fold(`ifNull(${field}, '')`)} = ${fold(`{${field}:String}`)}`);
    params[field] = value;
  }
  if (filter.list) {
    const status = filter.list.status === undefined ? '' : ' AND status = {list_status:String}';
    where.push(
      `contact_id IN (SELECT contact_id FROM contact_lists FINAL WHERE workspace_id = {ws:UInt32} AND list_id = {list_id:String}${status})`,
    );
    params.list_id = filter.list.id;
    if (filter.list.status !== undefined) params.list_status = filter.list.status;
  }
  if (filter.members) where.push(filter.members.condition);
  const expressions = filter.members?.expressions ?? [];
  return { with: expressions.length === 0 ? '' : `WITH ${expressions.join(', ')} `, where: where.join(' AND '), params };
}

/** Ids of matching contacts after an id, ascending. */
export async function filterContactIds(
  clickhouse: ClickHouse,
  workspaceId: number,
  filter: ContactFilter,
  afterId: number,
  limit: number,
): Promise<number[]> {
  const { with: expressions, where, params } = conditions(workspaceId, filter);
  const result = await clickhouse.query({
    query: `${expressions}SELECT contact_id FROM contacts FINAL WHERE ${where} AND contact_id > {after:UInt32} ORDER BY contact_id LIMIT {limit:UInt32}`,
    query_params: { ...params, after: afterId, limit },
    format: 'JSONEachRow',
  });
  return (await result.json<{ contact_id: number }>()).map((r) => r.contact_id);
}

export async function countContacts(clickhouse: ClickHouse, workspaceId: number, filter: ContactFilter): Promise<number> {
  const { with: expressions, where, params } = conditions(workspaceId, filter);
  const result = await clickhouse.query({
    query: `${expressions}SELECT toString(count()) AS n FROM contacts FINAL WHERE ${where}`,
    query_params: params,
    format: 'JSONEachRow',
  });
  const [row] = await result.json<{ n: string }>();
  return Number(row?.n ?? 0);
}

/** Members of a list by status. */
export async function countMembers(clickhouse: ClickHouse, workspaceId: number, listId: string): Promise<Map<string, number>> {
  const result = await clickhouse.query({
    query: `SELECT toString(status) AS status, toString(count()) AS n FROM contact_lists FINAL
            WHERE workspace_id = {ws:UInt32} AND list_id = {list_id:String} GROUP BY status`,
    query_params: { ws: workspaceId, list_id: listId },
    format: 'JSONEachRow',
  });
  return new Map((await result.json<{ status: string; n: string }>()).map((r) => [r.status, Number(r.n)]));
}
