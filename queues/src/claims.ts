/**
 * Claims on producers' ids: the first item that names an id owns it, so the same id counts once for 24 hours whatever is sent
 * again, through whichever process.
 *
 * The owner is a token of the item's place in its chunk, so a repeated job, a split batch or a parked item meets its own claim
 * and goes on. A claim is released in the step that rejects its item.
 *
 * Memory: 8-byte hashes in 65,536 small hashes per workspace and generation (19 bytes an id; a plain key takes 177). An id's
 * bucket and hash together are 80 bits. A generation is closed after 16 hours or a quarter of the allowance; generations are
 * dropped whole, 48 hours after they were closed or when the allowance is used up, oldest first. What is left of the 24 hours
 * is reported by {@link claimWindowSeconds}.
 */
import { hash } from 'node:crypto';
import type { Redis } from '@muster/runtime';

export const GENERATION_SECONDS = 16 * 3_600;
export const KEEP_SECONDS = 48 * 3_600;
const BUCKETS = 65_536;

/* KEYS[1] prefix; ARGV: now, generation seconds, ids per generation, keep seconds, ids in all, then (bucket, field, owner)*.
   Returns one '1' (own) or '0' (taken) per id. */
const CLAIM = `
local gens = redis.call('ZRANGE', KEYS[1] .. 'gens', 0, -1, 'WITHSCORES')
local now = tonumber(ARGV[1])
local ids, starts, counts, total = {}, {}, {}, 0
local startOf = {}
for i = 1, #gens, 2 do
  ids[#ids + 1] = gens[i]
  startOf[gens[i]] = tonumber(gens[i + 1])
end
-- By number: of generations that began in the same second, Redis would put 10 before 9.
table.sort(ids, function(a, b) return tonumber(a) < tonumber(b) end)
for i = 1, #ids do
  starts[i] = startOf[ids[i]]
  counts[i] = tonumber(redis.call('HGET', KEYS[1] .. 'counts', ids[i]) or '0')
  total = total + counts[i]
end
if #ids == 0 or now - starts[#ids] >= tonumber(ARGV[2]) or counts[#ids] >= tonumber(ARGV[3]) then
  local id = tostring(redis.call('INCR', KEYS[1] .. 'next'))
  redis.call('ZADD', KEYS[1] .. 'gens', now, id)
  ids[#ids + 1] = id
  starts[#starts + 1] = now
  counts[#counts + 1] = 0
end
local first = 1
while first < #ids and (now - starts[first + 1] >= tonumber(ARGV[4]) or total > tonumber(ARGV[5])) do
  redis.call('ZREM', KEYS[1] .. 'gens', ids[first])
  redis.call('HDEL', KEYS[1] .. 'counts', ids[first])
  redis.call('SADD', KEYS[1] .. 'dropped', ids[first])
  total = total - counts[first]
  first = first + 1
end
local out, added = {}, 0
for i = 6, #ARGV, 3 do
  local found = false
  for g = #ids, first, -1 do
    local owner = redis.call('HGET', KEYS[1] .. ids[g] .. ':' .. ARGV[i], ARGV[i + 1])
    if owner then
      found = true
      out[#out + 1] = owner == ARGV[i + 2] and '1' or '0'
      break
    end
  end
  if not found then
    redis.call('HSET', KEYS[1] .. ids[#ids] .. ':' .. ARGV[i], ARGV[i + 1], ARGV[i + 2])
    added = added + 1
    out[#out + 1] = '1'
  end
end
if added > 0 then redis.call('HINCRBY', KEYS[1] .. 'counts', ids[#ids], added) end
return table.concat(out)`;

/* KEYS[1] prefix; ARGV: (bucket, field, owner)*. Deletes claims that are still owned by that owner. */
const RELEASE = `
local gens = redis.call('ZRANGE', KEYS[1] .. 'gens', 0, -1)
for i = 1, #ARGV, 3 do
  for g = 1, #gens do
    local key = KEYS[1] .. gens[g] .. ':' .. ARGV[i]
    if redis.call('HGET', key, ARGV[i + 1]) == ARGV[i + 2] then redis.call('HDEL', key, ARGV[i + 1]) end
  end
end
return 1`;

export type Claim = { id: string; owner: string };

const prefix = (workspaceId: number) => `claims:{${workspaceId}}:`;

function packed(claims: readonly Claim[]): (string | Buffer)[] {
  const args: (string | Buffer)[] = [];
  for (const { id, owner } of claims) {
    const digest = hash('sha1', id, 'buffer');
    args.push(digest.toString('hex', 0, 2), digest.subarray(2, 10), hash('sha1', owner, 'buffer').subarray(0, 8));
  }
  return args;
}

/** Claims ids in order; true = the caller's own (newly, or from an earlier try), false = somebody else's: a duplicate. */
export async function claimIds(
  redis: Redis,
  workspaceId: number,
  claims: readonly Claim[],
  allowance: number,
  nowMicros: number,
): Promise<boolean[]> {
  if (claims.length === 0) return [];
  const answer = await redis.eval(
    CLAIM,
    1,
    prefix(workspaceId),
    ...[Math.floor(nowMicros / 1_000_000), GENERATION_SECONDS, Math.ceil(allowance / 4), KEEP_SECONDS, allowance].map(String),
    ...packed(claims),
  );
  if (typeof answer !== 'string' || answer.length !== claims.length) throw new Error('unexpected answer of the claim script');
  return Array.from(answer, (c) => c === '1');
}

/** Gives claims up, when their items were rejected: the corrected item may come under the same id. */
export async function releaseClaims(redis: Redis, workspaceId: number, claims: readonly Claim[]): Promise<void> {
  if (claims.length > 0) await redis.eval(RELEASE, 1, prefix(workspaceId), ...packed(claims));
}

/** Frees the memory of dropped generations, in short steps; returns how many were freed. */
export async function purgeDroppedClaims(redis: Redis, workspaceId: number): Promise<number> {
  const dropped = await redis.smembers(`${prefix(workspaceId)}dropped`);
  for (const generation of dropped) {
    for (let start = 0; start < BUCKETS; start += 1_024) {
      const keys = Array.from(
        { length: 1_024 },
        (_, i) => `${prefix(workspaceId)}${generation}:${(start + i).toString(16).padStart(4, '0')}`,
      );
      await redis.unlink(...keys);
    }
    await redis.srem(`${prefix(workspaceId)}dropped`, generation);
  }
  return dropped.length;
}

/** Seconds for which ids are remembered at this moment: the age of the oldest live generation (0 = none yet). */
export async function claimWindowSeconds(redis: Redis, workspaceId: number, nowMicros: number): Promise<number> {
  const [, start] = await redis.zrange(`${prefix(workspaceId)}gens`, '0', '0', 'WITHSCORES');
  return start === undefined ? 0 : Math.max(0, Math.floor(nowMicros / 1_000_000) - Number(start));
}
