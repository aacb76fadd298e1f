/**
 * What a tree depends on: which changes of a contact can change its membership, and at which moments it can change without any.
 * The names are those under which workers mark touched contacts.
 */

import { timeTexts } from '../schema/filter.ts';
import { CUSTOM_KIND_PREFIX, type Leaf } from '../schema/leaf.ts';
import { leavesOf, type Node } from '../schema/tree.ts';
import { edgeOffsets } from './time-range.ts';

/** Stands for custom events of every name, where times are kept by kind. */
export const EVERY_CUSTOM_EVENT = `${CUSTOM_KIND_PREFIX}*`;

/** Times whose distance from now matters: those of events of a kind, or of a field of the contact. */
export type WindowSource = { type: 'kind'; kind: string } | { type: 'field'; field: string };

/**
 * Membership can change when a time of the source is `offset` milliseconds ago.
 *
 * `began` is the dependency of contacts for whom such a time has just come (offset 0). An activity is no different from one that has just
 * been stored, and nearly all of them have: marked by their windows, too, they would be looked at as if they could leave one.
 */
export type Window = { dependency: string; began: string; source: WindowSource; offsets: number[] };

export type Dependencies = {
  /** Includes `contact` (a new or erased one concerns every segment) and those of the windows. */
  names: ReadonlySet<string>;
  windows: readonly Window[];
  /** Membership can change when a local day begins. */
  midnights: boolean;
};

const windowName = (source: WindowSource): string =>
  source.type === 'kind' ? `window:kind:${source.kind}` : `window:field:${source.field}`;

const beganName = (source: WindowSource): string =>
  source.type === 'kind' && !source.kind.startsWith(CUSTOM_KIND_PREFIX) ? `kind:${source.kind}` : windowName(source);

export function dependenciesOf(tree: Node): Dependencies {
  const names = new Set<string>(['contact']);
  const windows = new Map<string, Window>();
  let midnights = false;
  const addWindow = (source: WindowSource, operator: string, texts: readonly string[]) => {
    const offsets = edgeOffsets(operator, texts);
    if (offsets.length === 0) return;
    const dependency = windowName(source);
    const known = windows.get(dependency) ?? { dependency, began: beganName(source), source, offsets: [] };
    windows.set(dependency, { ...known, offsets: [...new Set([...known.offsets, ...offsets])] });
    names.add(dependency);
  };
  for (const { leaf } of leavesOf(tree)) {
    for (const name of namesOf(leaf)) names.add(name);
    if (leaf.source === 'contacts')
      for (const filter of leaf.contact.filters) {
        if (filter.operator === 'anniversary_in_the_next_days') midnights = true;
        addWindow({ type: 'field', field: filter.field_name }, filter.operator, timeTexts(filter));
      }
    const timed = timeframed(leaf);
    if (timed) addWindow({ type: 'kind', kind: timed.kind }, timed.operator, timed.texts);
  }
  return { names, windows: [...windows.values()], midnights };
}

/** Under which names changes are marked that concern a leaf. */
export function namesOf(leaf: Leaf): string[] {
  switch (leaf.source) {
    case 'contacts':
      return leaf.contact.filters.map((filter) => `field:${filter.field_name}`);
    case 'contact_lists':
      return [`list:${leaf.contact_list.list_id}`];
    case 'contact_timeline':
      return [`kind:${leaf.contact_timeline.kind}`];
    case 'segments':
      return [`segment:${leaf.segment.segment_id}`];
    case 'custom_events_goals': {
      const name = leaf.custom_events_goal.event_name;
      return [name === undefined ? 'goals' : `kind:${CUSTOM_KIND_PREFIX}${name}`];
    }
  }
}

function timeframed(leaf: Leaf): { kind: string; operator: string; texts: readonly string[] } | null {
  if (leaf.source === 'contact_timeline') {
    const { kind, timeframe_operator, timeframe_values } = leaf.contact_timeline;
    return { kind, operator: timeframe_operator ?? 'anytime', texts: timeframe_values ?? [] };
  }
  if (leaf.source === 'custom_events_goals') {
    const { event_name, timeframe_operator, timeframe_values } = leaf.custom_events_goal;
    const kind = event_name === undefined ? EVERY_CUSTOM_EVENT : `${CUSTOM_KIND_PREFIX}${event_name}`;
    return { kind, operator: timeframe_operator ?? 'anytime', texts: timeframe_values ?? [] };
  }
  return null;
}
