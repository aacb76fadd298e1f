/**
 * Which lists exist, remembered for a second so that an upsert with `list_ids` need not ask Postgres each time. Only "exists" is
 * remembered: a list created a moment ago must never be answered as unknown. One deleted a moment ago may still pass; its items
 * end as `list_gone`.
 */
import { listLists, type Pool } from '@muster/postgres';
import { ApiError, fail } from './http/errors.ts';
import { fromPostgres } from './http/failures.ts';

const FRESH_MS = 1_000;
const STALE_MS = 60_000;
const MAX_LISTS = 50_000;

export class ListCache {
  readonly #pool: Pool;
  readonly #now: () => number;
  readonly #seenAt = new Map<string, number>();

  constructor(pool: Pool, now: () => number = Date.now) {
    this.#pool = pool;
    this.#now = now;
  }

  /** @throws ApiError 404 `list_not_found` unless all lists exist. While Postgres is away what was seen within a minute counts. */
  async require(workspaceId: number, listIds: readonly string[]): Promise<void> {
    const now = this.#now();
    const unsure = listIds.filter((id) => now - (this.#seenAt.get(`${workspaceId}|${id}`) ?? 0) >= FRESH_MS);
    if (unsure.length === 0) return;
    try {
      const found = await fromPostgres(listLists(this.#pool, workspaceId, unsure));
      if (this.#seenAt.size > MAX_LISTS) this.#seenAt.clear();
      for (const list of found) this.#seenAt.set(`${workspaceId}|${list.id}`, this.#now());
      if (found.length < new Set(unsure).size) throw fail('list_not_found');
    } catch (error) {
      const away = error instanceof ApiError && error.code === 'store_unavailable';
      if (away && unsure.every((id) => now - (this.#seenAt.get(`${workspaceId}|${id}`) ?? 0) < STALE_MS)) return;
      throw error;
    }
  }

  /** Forgets a list that was deleted here. */
  forget(workspaceId: number, listId: string): void {
    this.#seenAt.delete(`${workspaceId}|${listId}`);
  }
}
