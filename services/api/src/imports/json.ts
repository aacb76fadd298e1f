/** An import as answered. */
import type { ImportRow } from '@muster/postgres';

const iso = (time: Date | null): string | null => time?.toISOString() ?? null;

export function importJson(row: ImportRow) {
  const applying = row.phase === 'apply' && row.status === 'running';
  return {
    id: row.import_id,
    file_name: row.file_name,
    status: row.status,
    size: row.size,
    received: row.received,
    sha256: row.sha256,
    phase: row.phase,
    scanned: row.scanned,
    records: row.records,
    done: row.done,
    counts: row.counts,
    memberships: row.memberships,
    rate: row.rate,
    eta_seconds: applying && row.rate !== null && row.rate > 0 ? Math.ceil((row.records - row.done) / row.rate) : null,
    mapping: row.mapping,
    options: row.options,
    list_ids: row.list_ids,
    dry_run: row.dry_run,
    ...(row.error === null ? {} : { error: row.error }),
    created_at: iso(row.created_at),
    started_at: iso(row.started_at),
    ended_at: iso(row.ended_at),
    updated_at: iso(row.updated_at),
  };
}
