/**
 * Touched contacts: which contacts changed in what a segment depends on. One sorted set per workspace and dependency; the score is the
 * time of the mark in microseconds, never the same twice in a workspace, so that a reader takes the oldest marks, works on them and
 * removes exactly those: a contact touched meanwhile has a higher score and stays.
 *
 * Only watched dependencies are recorded (the set `watched` names them): without a reader the sets would grow for ever. `pending` names
 * the dependencies that have marks. A dependency with more than a hundred thousand touched contacts is marked as a whole (`all`): reading
 * everybody is cheaper then, and its set would not fit into memory while nobody reads it.
 *
 * Dependencies: `contact` (a new or erased contact), `field:<name>`, `list:<id>`, `kind:<kind>`, `goals`, `segment:<id>`, and
 * `window:<…>` for contacts that crossed an edge of a window.
 */
import type { Redis } from '@muster/runtime';

const MOST = 100_000;

/* KEYS[1] prefix; ARGV: most, then (dependency, comma-separated contact ids or '*')*. Returns the number of marks made. */
const TOUCH = `
local score, marked = nil, 0
for i = 2, #ARGV, 2 do
  local dep, ids = ARGV[i], ARGV[i + 1]
  if redis.call('SISMEMBER', KEYS[1] .. 'watched', dep) == 1 then
    if not score then
      local t = redis.call('TIME')
      score = tonumber(t[1]) * 1000000 + tonumber(t[2])
      local last = tonumber(redis.call('GET', KEYS[1] .. 'score') or '0')
      if score <= last then score = last + 1 end
      score = string.format('%.0f', score)
      redis.call('SET', KEYS[1] .. 'score', score)
    end
    local set = KEYS[1] .. dep
    if ids ~= '*' and redis.call('HEXISTS', KEYS[1] .. 'all', dep) == 0 then
      local args = {}
      for id in string.gmatch(ids, '%d+') do
        args[#args + 1] = score
        args[#args + 1] = id
        marked = marked + 1
        if #args == 1000 then
          redis.call('ZADD', set, unpack(args))
          args = {}
        end
      end
      if #args > 0 then redis.call('ZADD', set, unpack(args)) end
    else
      marked = marked + 1
    end
    if ids == '*' or redis.call('ZCARD', set) > tonumber(ARGV[1]) or redis.call('HEXISTS', KEYS[1] .. 'all', dep) == 1 then
      redis.call('UNLINK', set)
      redis.call('HSET', KEYS[1] .. 'all', dep, score)
    end
    redis.call('ZADD', KEYS[1] .. 'pending', score, dep)
  end
end
return marked`;

/* KEYS[1] prefix; ARGV[1] most marks per dependency. Returns the score, then (dependency, score of a whole or '', marks left, (id, score)*)*. */
const READ = `
local out = { redis.call('GET', KEYS[1] .. 'score') or '0' }
for _, dep in ipairs(redis.call('ZRANGE', KEYS[1] .. 'pending', 0, -1)) do
  local whole = redis.call('HGET', KEYS[1] .. 'all', dep)
  out[#out + 1] = { dep, whole or '', tostring(redis.call('ZCARD', KEYS[1] .. dep)),
    redis.call('ZRANGE', KEYS[1] .. dep, 0, tonumber(ARGV[1]) - 1, 'WITHSCORES') }
end
return out`;

/* KEYS[1] prefix; ARGV: (dependency, score of a whole or '', number of pairs, (id, score)*)*. Removes what was not marked again. */
const REMOVE = `
local i = 1
while i <= #ARGV do
  local dep, whole, pairs = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local set = KEYS[1] .. dep
  i = i + 3
  if whole ~= '' and redis.call('HGET', KEYS[1] .. 'all', dep) == whole then redis.call('HDEL', KEYS[1] .. 'all', dep) end
  for n = 1, pairs do
    local score = redis.call('ZSCORE', set, ARGV[i])
    if score and tonumber(score) <= tonumber(ARGV[i + 1]) then redis.call('ZREM', set, ARGV[i]) end
    i = i + 2
  end
  if redis.call('EXISTS', set) == 0 and redis.call('HEXISTS', KEYS[1] .. 'all', dep) == 0 then
    redis.call('ZREM', KEYS[1] .. 'pending', dep)
  end
end
return 1`;

/* KEYS[1] prefix; ARGV: epoch, then dependencies. Watches exactly these; marks of the others are dropped. Returns 1 when the marks made
   since the last time are all there, 0 when Redis has lost what it held. A call of an older epoch changes nothing. */
const WATCH = `
local epoch = tonumber(redis.call('GET', KEYS[1] .. 'epoch') or '-1')
if tonumber(ARGV[1]) < epoch then return 1 end
redis.call('SET', KEYS[1] .. 'epoch', ARGV[1])
local intact = redis.call('EXISTS', KEYS[1] .. 'score')
if intact == 0 then
  local t = redis.call('TIME')
  redis.call('SET', KEYS[1] .. 'score', string.format('%.0f', tonumber(t[1]) * 1000000 + tonumber(t[2])))
end
local wanted = {}
for i = 2, #ARGV do wanted[ARGV[i]] = true end
for _, dep in ipairs(redis.call('SMEMBERS', KEYS[1] .. 'watched')) do
  if not wanted[dep] then
    redis.call('SREM', KEYS[1] .. 'watched', dep)
    redis.call('UNLINK', KEYS[1] .. dep)
    redis.call('HDEL', KEYS[1] .. 'all', dep)
    redis.call('ZREM', KEYS[1] .. 'pending', dep)
  end
end
for dep in pairs(wanted) do redis.call('SADD', KEYS[1] .. 'watched', dep) end
return intact`;

/** Contacts per dependency; `'all'` = so many, or so unknown, that everybody is to be looked at. */
export type Touched = Map<string, Set<number> | 'all'>;

/** Marks of one dependency: contacts with the score of each, or a whole with its score. `left` marks stay for later. */
export type Marks = { dependency: string; whole: string | null; contacts: { id: number; score: string }[]; left: number };

export const touchedPrefix = (workspaceId: number): string => `touched:{${workspaceId}}:`;

/** Notes that a contact changed in a dependency. */
export function touch(touched: Touched, dependency: string, contactId: number): void {
  const set = touched.get(dependency);
  if (set === undefined) touched.set(dependency, new Set([contactId]));
  else if (set !== 'all') set.add(contactId);
}

/** Records the watched ones among the touched, in one step. Returns how many marks were made. */
export async function markTouched(redis: Redis, workspaceId: number, touched: Touched): Promise<number> {
  if (touched.size === 0) return 0;
  const args: string[] = [];
  for (const [dependency, ids] of touched) args.push(dependency, ids === 'all' ? '*' : [...ids].join(','));
  return Number(await redis.eval(TOUCH, 1, touchedPrefix(workspaceId), String(MOST), ...args));
}

/** The oldest marks of each dependency that has some, and the score of the newest mark ever made. Nothing is removed. */
export async function readTouched(redis: Redis, workspaceId: number, limit: number): Promise<{ score: number; marks: Marks[] }> {
  const [score, ...rest] = (await redis.eval(READ, 1, touchedPrefix(workspaceId), String(limit))) as [
    string,
    ...[string, string, string, string[]][],
  ];
  const marks = rest.map(([dependency, whole, total, pairs]): Marks => {
    const contacts: Marks['contacts'] = [];
    for (let i = 0; i < pairs.length; i += 2) contacts.push({ id: Number(pairs[i]), score: pairs[i + 1] ?? '0' });
    return { dependency, whole: whole === '' ? null : whole, contacts, left: Number(total) - contacts.length };
  });
  return { score: Number(score), marks };
}

/** Those of the contacts who have a mark of the dependency that nobody has worked off; all of them when it is marked as a whole. */
export async function markedAmong(
  redis: Redis,
  workspaceId: number,
  dependency: string,
  contactIds: readonly number[],
): Promise<ReadonlySet<number>> {
  if (contactIds.length === 0) return new Set();
  const prefix = touchedPrefix(workspaceId);
  const [whole, scores] = await Promise.all([
    redis.hexists(`${prefix}all`, dependency),
    redis.zmscore(`${prefix}${dependency}`, ...contactIds.map(String)),
  ]);
  return new Set(contactIds.filter((_, n) => whole === 1 || scores[n] !== null));
}

/** Removes marks that were worked off; what was marked again meanwhile stays. */
export async function removeTouched(redis: Redis, workspaceId: number, marks: readonly Marks[]): Promise<void> {
  if (marks.length === 0) return;
  const args: string[] = [];
  for (const { dependency, whole, contacts } of marks) {
    args.push(dependency, whole ?? '', String(contacts.length));
    for (const { id, score } of contacts) args.push(String(id), score);
  }
  await redis.eval(REMOVE, 1, touchedPrefix(workspaceId), ...args);
}

/**
 * Records marks of exactly these dependencies from now on. False when Redis lost what it held since the last call: contacts may have
 * changed without a mark. `epoch` is the caller's, so that one who comes late changes nothing.
 */
export async function watchDependencies(
  redis: Redis,
  workspaceId: number,
  epoch: number,
  dependencies: Iterable<string>,
): Promise<boolean> {
  return Number(await redis.eval(WATCH, 1, touchedPrefix(workspaceId), String(epoch), ...dependencies)) === 1;
}

/** Workspaces, of those given, that want a look: they have marks, or nothing of them is watched, as after a loss of Redis' data. */
export async function workspacesToLookAt(redis: Redis, workspaceIds: readonly number[]): Promise<number[]> {
  const pipeline = redis.pipeline();
  for (const id of workspaceIds) pipeline.exists(`${touchedPrefix(id)}pending`).exists(`${touchedPrefix(id)}watched`);
  const answers = (await pipeline.exec()) ?? [];
  return workspaceIds.filter((_, n) => Number(answers[2 * n]?.[1] ?? 0) === 1 || Number(answers[2 * n + 1]?.[1] ?? 1) === 0);
}
