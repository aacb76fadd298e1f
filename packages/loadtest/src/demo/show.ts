/** What a person wants to see of a contact: the profile, the latest of its timeline, and why items were refused. */
import type { AnswerIssue, ContactAnswer, Rejection, TimelineEntry } from '../client/answers.ts';
import { columns, number } from './output.ts';
import type { Refusal } from './send.ts';

const HIDDEN = new Set(['contact_lists', 'contact_segments']);

export function profileLines(contact: ContactAnswer): string[] {
  const rows = Object.entries(contact)
    .filter(([name, value]) => value !== null && !HIDDEN.has(name))
    .map(([name, value]) => `    ${name.padEnd(18)} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const lists = (contact.contact_lists ?? []).map((m) => `${m.list_id} (${m.status})`).join(', ');
  return [...rows, `    ${'lists'.padEnd(18)} ${lists === '' ? 'none' : lists}`];
}

export function timelineLines(entries: readonly TimelineEntry[]): string[] {
  const width = Math.max(0, ...entries.map((e) => e.kind.length));
  return entries.map((e) => `    ${e.occurred_at.slice(0, 16).replace('T', ' ')}  ${e.kind.padEnd(width)}  ${detailOf(e)}`.trimEnd());
}

/** The one thing worth reading about an entry. */
function detailOf(entry: TimelineEntry): string {
  const text = (name: string): string | undefined => {
    const value = entry[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const changes = Object.entries(entry.changes ?? {}).map(([field, change]) => `${field}: ${changeText(change)}`);
  if (changes.length > 0) return cut([text('list_id'), changes.join(', ')].filter((t) => t !== undefined).join('  '));
  const goal = text('goal_value');
  const subject = entry.properties?.subject ?? entry.properties?.bounce_type ?? entry.properties?.path;
  const segment = entry.kind.startsWith('segment.') ? (entry.entity_id ?? undefined) : undefined;
  const parts = [segment, goal === undefined ? undefined : `${goal} EUR`, text('campaign_id'), text('link_url'), text('list_id'), subject];
  return cut(parts.filter((part) => part !== undefined).join('  '));
}

function changeText(change: unknown): string {
  if (typeof change !== 'object' || change === null) return '';
  const { old, new: now } = change as { old?: unknown; new?: unknown };
  const shown = (value: unknown): string =>
    value === null || value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value);
  return `${shown(old)} → ${shown(now)}`;
}

export function cut(text: string, length = 90): string {
  const points = [...text];
  return points.length <= length ? text : `${points.slice(0, length - 1).join('')}…`;
}

export function countLines(counts: ReadonlyMap<string, number>): string[] {
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return columns(
    sorted.map(([name, n]) => [name, number(n)]),
    4,
  );
}

export function refusalLines(refusals: readonly Refusal[]): string[] {
  return refusals.flatMap(({ route, body, issues }) => [`    ${route}  ${cut(printable(body), 140)}`, ...issues.map(issueLine)]);
}

export function rejectionLines(rejections: readonly Rejection[]): string[] {
  return rejections.flatMap((r) => [`    ${r.source}  ${cut(printable(r.payload), 180)}`, issueLine(r)]);
}

const issueLine = (issue: Pick<AnswerIssue, 'field' | 'code' | 'message'>): string =>
  `      → ${issue.code}${issue.field === '' ? '' : ` (${issue.field})`}: ${issue.message}`;

/** JSON on one line; what a terminal would act on or hide is written as an escape. */
function printable(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
