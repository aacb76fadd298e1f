/** Segments over what the producers send: fields, lists, counts, goals, windows that pass while the load runs, and segments of segments. */
import type { MusterClient } from '../client/client.ts';
import { allOf, events, fields, goals, inSegment, lastMinutes, noneOf, onList, type Tree } from '../client/trees.ts';
import { EVENT_NAME } from './producers/custom-events.ts';

/** Those that others refer to come first. Windows are short, so that contacts join and leave again and again in a short run. */
export const SEGMENTS: Readonly<Record<string, Tree>> = {
  chaos_steps: fields({ field_name: 'custom_number_1', field_type: 'number', operator: 'gte', number_values: [20] }),
  chaos_news: onList('in', 'chaos-news', 'active'),
  chaos_left: allOf(onList('in', 'chaos-offers', 'unsubscribed'), onList('not_in', 'chaos-news')),
  chaos_readers: events('open_email', 'at_least', 5),
  chaos_parked: allOf(
    fields({ field_name: 'external_id', field_type: 'string', operator: 'starts_with', string_values: ['crm-'] }),
    events('open_email', 'at_least', 3),
  ),
  chaos_buyers: goals('purchase', 'sum', 'gte', 10, {
    filters: [{ field_name: 'event_name', field_type: 'string', operator: 'equals', string_values: [EVENT_NAME] }],
  }),
  chaos_hot: events('open_email', 'at_least', 3, lastMinutes(1)),
  chaos_cooled: allOf(events('open_email', 'at_least', 1), events('open_email', 'exactly', 0, lastMinutes(2))),
  chaos_lukewarm: allOf(inSegment('in', 'chaos_readers'), noneOf(inSegment('in', 'chaos_hot'))),
};
export const SEGMENT_IDS = Object.keys(SEGMENTS);

export async function createSegments(client: MusterClient): Promise<void> {
  for (const [id, tree] of Object.entries(SEGMENTS)) await client.putSegment({ id, name: id, tree });
}
