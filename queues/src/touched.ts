/**
 * Touched contacts: which contacts changed in what a segment depends on. One sorted set per workspace and dependency, score = a
 * counter per workspace, so that a reader takes everything up to a score, works on it and removes up to that score; a contact
 * touched meanwhile has a higher score and stays.
 *
 * Only watched dependencies are recorded (the set `watched` names them): without a reader the sets would grow for ever.
 * Dependencies: `field:<name>`, `list:<id>`, `kind:<kind>`, `goals`; a new contact touches `field:*`.
 */
import type { Redis } from '@muster/runtime';

/* KEYS[1] prefix; ARGV: (dependency, comma-separated contact ids)*. Returns the number of marks made. */
const TOUCH = `
local score, marked = nil, 0
for i = 1, #ARGV, 2 do
  if redis.call('SISMEMBER', KEYS[1] .. 'watched', ARGV[i]) == 1 then
    if not score then score = redis.call('INCR', KEYS[1] .. 'score') end
    for id in string.gmatch(ARGV[i + 1], '%d+') do
      redis.call('ZADD', KEYS[1] .. ARGV[i], score, id)
      marked = marked + 1
    end
  end
end
return marked`;

export type Touched = Map<string, Set<number>>;

export const touchedPrefix = (workspaceId: number): string => `touched:{${workspaceId}}:`;

/** Notes that a contact changed in a dependency. */
export function touch(touched: Touched, dependency: string, contactId: number): void {
  const set = touched.get(dependency);
  if (set) set.add(contactId);
  else touched.set(dependency, new Set([contactId]));
}

/** Records the watched ones among the touched, in one step. Returns how many marks were made. */
export async function markTouched(redis: Redis, workspaceId: number, touched: Touched): Promise<number> {
  if (touched.size === 0) return 0;
  const args: string[] = [];
  for (const [dependency, ids] of touched) args.push(dependency, [...ids].join(','));
  return Number(await redis.eval(TOUCH, 1, touchedPrefix(workspaceId), ...args));
}
