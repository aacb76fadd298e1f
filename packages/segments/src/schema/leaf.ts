/** The five kinds of leaf. */
import { EVENT_NAME_PATTERN, GOAL_TYPES, listIdSchema, MESSAGE_KINDS, membershipStatusSchema, storableText } from '@muster/domain';
import { z } from 'zod';
import { CONTACT_COLUMNS, EVENT_COLUMNS, GOAL_COLUMNS } from './columns.ts';
import { filterSchema } from './filter.ts';
import { AGGREGATES, COMPARISONS, COUNT_OPERATORS, TIMEFRAME_OPERATORS, type TimeframeOperator } from './operators.ts';
import { faultsOfTexts } from './values.ts';

export const SEGMENT_ID_PATTERN = /^[a-z0-9_]{1,32}$/;
export const segmentIdSchema = z
  .string()
  .regex(SEGMENT_ID_PATTERN, { error: 'must be 1 to 32 characters of a-z, 0-9 and _' })
  .describe('Id of a segment: 1 to 32 characters of a-z, 0-9 and `_`');

export const CONTACT_KINDS = ['contact.created', 'contact.updated', 'contact.email_changed', 'contact.merged'] as const;
export const LIST_KINDS = [
  'list.subscribed',
  'list.pending',
  'list.confirmed',
  'list.resubscribed',
  'list.unsubscribed',
  'list.bounced',
  'list.complained',
  'list.removed',
] as const;
export const CUSTOM_KIND_PREFIX = 'custom_event.';

const FIXED_KINDS: ReadonlySet<string> = new Set([...MESSAGE_KINDS, ...LIST_KINDS, ...CONTACT_KINDS]);

const MAX_FILTERS = 50;
/** Values of goals have at most 4 decimals; averages may be compared with more. */
const MAX_DECIMALS = 10;
const MAX_GOAL = 1e15;

const kindSchema = z
  .string()
  .superRefine((kind, context) => {
    if (FIXED_KINDS.has(kind)) return;
    if (kind.startsWith(CUSTOM_KIND_PREFIX) && EVENT_NAME_PATTERN.test(kind.slice(CUSTOM_KIND_PREFIX.length))) return;
    const message = kind.startsWith('segment.')
      ? 'joins and leaves of segments cannot be counted; use a leaf with source "segments"'
      : 'must be a kind of timeline entry, or custom_event.<name>';
    context.addIssue({ code: 'custom', message, params: { code: 'invalid_kind' } });
  })
  .describe('Kind of timeline entry: a message, list or contact kind, or `custom_event.<name>`');

const goalNumber = z.number().superRefine((value, context) => {
  if (Math.abs(value) <= MAX_GOAL && decimalsOf(value) <= MAX_DECIMALS) return;
  const message = `must be at most ${MAX_GOAL} in size, with at most ${MAX_DECIMALS} decimals`;
  context.addIssue({ code: 'custom', message, params: { code: 'invalid_value' } });
});

function decimalsOf(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent));
}

const timeframe = {
  timeframe_operator: z.enum(Object.keys(TIMEFRAME_OPERATORS) as [TimeframeOperator, ...TimeframeOperator[]]).optional(),
  timeframe_values: z.array(storableText(100)).max(10).optional().describe('Dates or numbers of days, as text'),
};
const filtersOperator = z.enum(['and', 'or']).optional().describe('How the filters combine; default `and`');

type Timeframed = { timeframe_operator?: TimeframeOperator | undefined; timeframe_values?: string[] | undefined };

function checkTimeframe(leaf: Timeframed, timezone: string, context: z.RefinementCtx): void {
  const texts = leaf.timeframe_values ?? [];
  const arity = TIMEFRAME_OPERATORS[leaf.timeframe_operator ?? 'anytime'];
  const fault = (path: (string | number)[], code: string, message: string) =>
    context.addIssue({ code: 'custom', path, message, params: { code } });
  if (arity === 'none') {
    if (texts.length > 0) fault(['timeframe_values'], 'wrong_arity', 'takes no values');
    return;
  }
  for (const { at, code, message } of faultsOfTexts(arity, texts, timezone))
    fault(at === null ? ['timeframe_values'] : ['timeframe_values', at], code, message);
}

/** The leaf of a tree; `timezone` decides what a bare date means. */
export function leafSchema(timezone: string) {
  const filters = (columns: Parameters<typeof filterSchema>[0]) => z.array(filterSchema(columns, timezone)).max(MAX_FILTERS);
  const contact = z.strictObject({ filters: filters(CONTACT_COLUMNS).min(1) });
  const contactList = z.strictObject({
    operator: z.enum(['in', 'not_in']),
    list_id: listIdSchema,
    status: membershipStatusSchema.optional(),
  });
  const timeline = z
    .strictObject({
      kind: kindSchema,
      count_operator: z.enum(COUNT_OPERATORS),
      count_value: z.number().int().min(0).max(1_000_000_000),
      ...timeframe,
      template_id: storableText(255).optional(),
      filters: filters(EVENT_COLUMNS).optional(),
      filters_operator: filtersOperator,
    })
    .superRefine((leaf, context) => checkTimeframe(leaf, timezone, context));
  const segment = z.strictObject({ operator: z.enum(['in', 'not_in']), segment_id: segmentIdSchema });
  const goal = z
    .strictObject({
      goal_type: z.enum([...GOAL_TYPES, '*']),
      goal_name: storableText(100).optional(),
      event_name: z.string().regex(EVENT_NAME_PATTERN, { error: 'must be 1 to 100 characters of a-z, 0-9, _ . / and -' }).optional(),
      aggregate_operator: z.enum(AGGREGATES),
      operator: z.enum(COMPARISONS),
      value: goalNumber,
      value_2: goalNumber.optional(),
      ...timeframe,
      filters: filters(GOAL_COLUMNS).optional(),
      filters_operator: filtersOperator,
    })
    .superRefine((leaf, context) => {
      checkTimeframe(leaf, timezone, context);
      const fault = (code: string, message: string) => context.addIssue({ code: 'custom', path: ['value_2'], message, params: { code } });
      if (leaf.operator !== 'between') {
        if (leaf.value_2 !== undefined) fault('not_allowed', 'is for the operator between only');
      } else if (leaf.value_2 === undefined) fault('required', 'is required by the operator between');
      else if (leaf.value_2 < leaf.value) fault('invalid_value', 'must not be less than value');
    });
  return z.discriminatedUnion('source', [
    z.strictObject({ source: z.literal('contacts'), contact }),
    z.strictObject({ source: z.literal('contact_lists'), contact_list: contactList }),
    z.strictObject({ source: z.literal('contact_timeline'), contact_timeline: timeline }),
    z.strictObject({ source: z.literal('segments'), segment }),
    z.strictObject({ source: z.literal('custom_events_goals'), custom_events_goal: goal }),
  ]);
}

export type Leaf = z.infer<ReturnType<typeof leafSchema>>;
export type LeafOf<Source extends Leaf['source']> = Extract<Leaf, { source: Source }>;
export type ListLeaf = LeafOf<'contact_lists'>['contact_list'];
export type TimelineLeaf = LeafOf<'contact_timeline'>['contact_timeline'];
export type GoalLeaf = LeafOf<'custom_events_goals'>['custom_events_goal'];
export type SegmentLeaf = LeafOf<'segments'>['segment'];
