import type { Pool } from './pool.ts';

const BLOCK = 1_024;

/**
 * Hands out contact ids in blocks of 1,024 per workspace. Blocks are taken by an autocommit statement on a pool of their own,
 * before BEGIN: inside the writing transaction every lane of a workspace would queue on the counter row, and a second
 * connection from the writers' pool could deadlock with it. Ids are never reused; a crash leaves a gap.
 */
export class ContactIds {
  readonly #pool: Pool;
  readonly #blocks = new Map<number, { next: number; end: number }>();

  readonly #spare = new Map<number, number[]>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Takes `count` ids, in no particular order. @throws Error when the workspace has no ids left (2³¹ − 1). */
  async take(workspaceId: number, count: number): Promise<number[]> {
    const ids: number[] = this.#spare.get(workspaceId)?.splice(0, count) ?? [];
    while (ids.length < count) {
      let block = this.#blocks.get(workspaceId);
      if (!block || block.next >= block.end) {
        const fetched = await this.#fetch(workspaceId, Math.max(BLOCK, Math.ceil((count - ids.length) / BLOCK) * BLOCK));
        // Another caller may have refilled it meanwhile; the rest of its block would be lost, which only leaves a gap.
        block = fetched;
        this.#blocks.set(workspaceId, block);
      }
      while (block.next < block.end && ids.length < count) {
        ids.push(block.next);
        block.next += 1;
      }
    }
    return ids;
  }

  /** Returns ids that were taken and surely not written (their transaction ended without them). */
  giveBack(workspaceId: number, ids: readonly number[]): void {
    const spare = this.#spare.get(workspaceId);
    if (spare) spare.push(...ids);
    else this.#spare.set(workspaceId, [...ids]);
  }

  async #fetch(workspaceId: number, size: number): Promise<{ next: number; end: number }> {
    const { rows } = await this.#pool.query<{ end: number }>(
      `UPDATE workspaces SET next_contact_id = next_contact_id + $2 WHERE workspace_id = $1 AND next_contact_id <= 2147483647 - $2
       RETURNING next_contact_id AS end`,
      [workspaceId, size],
    );
    const end = rows[0]?.end;
    if (end === undefined) throw new Error('the workspace is gone or has used all of its contact ids');
    return { next: end - size, end };
  }
}
