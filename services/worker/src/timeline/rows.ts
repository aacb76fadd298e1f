import { acceptanceOf, type TimelineRow } from '@muster/clickhouse';
import type { Verdict } from '@muster/postgres';
import { type TimelineChunk, type Touched, touch } from '@muster/queues';
import { eventRow } from '../delivery/rows.ts';
import { ordOf } from './apply.ts';

/** Rows of the items that were stored, with their positions, and what they touch. */
export function deliverableEvents(
  chunk: TimelineChunk,
  verdicts: readonly Verdict[],
): { rows: { position: number; row: TimelineRow }[]; touched: Touched } {
  const rows: { position: number; row: TimelineRow }[] = [];
  const touched: Touched = new Map();
  const accepted = acceptanceOf(chunk.acc);
  chunk.items.forEach((item, position) => {
    const verdict = verdicts[position];
    if (verdict?.v !== 's' || verdict.id === undefined) return;
    rows.push({
      position,
      row: eventRow(chunk.ws, verdict.id, item.event, { id: verdict.i, accepted, ord: ordOf(item) }),
    });
    touch(touched, `kind:${item.event.kind}`, verdict.id);
  });
  return { rows, touched };
}
