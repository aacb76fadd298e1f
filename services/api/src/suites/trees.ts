/** Trees for tests, and a workspace of their own for each suite of segments. */

import { z } from 'zod';
import type { HttpStack, Reply } from '../../../../tests/support/http.ts';
import { errorOf, WAIT } from './read.ts';

export type Json = Record<string, unknown>;

export const contacts = (...filters: Json[]) => ({ kind: 'leaf', leaf: { source: 'contacts', contact: { filters } } });
export const text = (field_name: string, operator: string, ...string_values: string[]) => ({
  field_name,
  field_type: 'string',
  operator,
  ...(string_values.length > 0 ? { string_values } : {}),
});
export const json = (json_path: string[], operator: string, more: Json = {}) => ({
  ...{ field_name: 'custom_json_1', field_type: 'json', operator, json_path },
  ...more,
});
export const inList = (list_id: string, more: Json = {}) => ({
  kind: 'leaf',
  leaf: { source: 'contact_lists', contact_list: { operator: 'in', list_id, ...more } },
});
export const inSegment = (segment_id: string, operator = 'in') => ({
  kind: 'leaf',
  leaf: { source: 'segments', segment: { operator, segment_id } },
});
export const activity = (more: Json) => ({
  kind: 'leaf',
  leaf: { source: 'contact_timeline', contact_timeline: { kind: 'open_email', count_operator: 'at_least', count_value: 1, ...more } },
});
export const goal = (more: Json) => ({
  kind: 'leaf',
  leaf: {
    source: 'custom_events_goals',
    custom_events_goal: { goal_type: '*', aggregate_operator: 'count', operator: 'gte', value: 1, ...more },
  },
});
export const branch = (operator: string, ...leaves: unknown[]) => ({ kind: 'branch', branch: { operator, leaves } });
export const everybody = contacts(text('email', 'is_set'));

/** The calls of a workspace that nobody else uses. */
export function workspace(stack: () => HttpStack, name: string) {
  let key: Promise<string> | undefined;
  const options = async (more: { headers?: Record<string, string> } = {}) => {
    key ??= stack().key(['admin'], name);
    return { key: await key, ...more };
  };
  const post = async (call: string, body: unknown, more = {}): Promise<Reply> => stack().post(call, body, await options(more));
  return {
    post,
    get: async (call: string, query: Record<string, string | number> = {}): Promise<Reply> => stack().get(call, query, await options()),
    upsert: (contact: Json, more: Json = {}) => post('contacts.upsert', { contact, ...more }, WAIT),
    create: (id: string, tree: unknown, more: Json = {}) => post('segments.create', { id, name: id, tree, ...more }),
    workspaceId: async (): Promise<number> => {
      await options();
      const { rows } = await stack().pool.query<{ workspace_id: number }>('SELECT workspace_id FROM workspaces WHERE name = $1', [name]);
      return rows[0]?.workspace_id ?? 0;
    },
  };
}

const treeFaults = z.array(z.object({ path: z.string(), code: z.string() }));

/** `path code` of each fault, in order. */
export const faultsOf = (reply: Reply): string[] => treeFaults.parse(errorOf(reply).details ?? []).map((d) => `${d.path} ${d.code}`);
