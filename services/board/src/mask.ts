/**
 * What of a job the board may show: ids, counts and names of our own. An allow-list, never a deny-list: a field that a later
 * version adds to a payload stays hidden until it is named here. Messages of errors are hidden too, because a driver's message
 * may quote a row; where the error was thrown is shown.
 */

const SHOWN_ITEMS = 20;
const OPERATION = /^[a-z_]{1,40}$/;
const NAME = /^[a-z][a-z-]{0,39}$/;
/** Ids that we make: UUIDs with their suffixes, chunk ids, process names. */
const OWN_ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;
const ERROR_CLASS = /^([A-Z][A-Za-z]{0,60}(?:Error|Exception)|Error)\b/;
/** `at name (path:line:column)` with nothing in it that is no identifier or path. */
const FRAME = /^at (?:async )?(?:(?:new )?[\w$.#<>]+(?: \[as [\w$]+\])? )?\(?(?:file:\/\/|node:)?[\w./-]+:\d+:\d+\)?$/;
/** Reasons that BullMQ itself gives, word for word. */
const STATIC_REASONS = new Set(['job stalled more than allowable limit']);

/** A job as the board's API answers it, reduced to what may be shown. */
export function maskJob(job: Record<string, unknown>): Record<string, unknown> {
  const stacktrace = asArray(job.stacktrace).map(maskTrace);
  return {
    ...pick(job, 'number', [
      'timestamp',
      'processedOn',
      'finishedOn',
      'attemptsMade',
      'attemptsStarted',
      'stalledCounter',
      'delay',
      'priority',
    ]),
    id: ownId(job.id),
    name: typeof job.name === 'string' && NAME.test(job.name) ? job.name : '(hidden)',
    data: maskData(job.data),
    opts: maskOptions(job.opts),
    progress: typeof job.progress === 'number' ? job.progress : 0,
    returnvalue: maskReturn(job.returnvalue),
    stacktrace,
    ...(job.failedReason ? { failedReason: maskReason(job.failedReason, stacktrace) } : {}),
    ...(job.processedBy === undefined ? {} : { processedBy: ownId(job.processedBy) }),
    ...(job.repeatJobKey === undefined ? {} : { repeatJobKey: ownId(job.repeatJobKey) }),
  };
}

/** Payload of a chunk or a maintenance task; items as operation and identity only. */
export function maskData(data: unknown): Record<string, unknown> {
  const parsed = typeof data === 'string' ? parseJson(data) : data;
  if (!isRecord(parsed)) return {};
  const items = asArray(parsed.items);
  return {
    ...pick(parsed, 'number', ['v', 'ws', 'acc']),
    ...pick(parsed, 'boolean', ['internal', 'unparked']),
    ...(typeof parsed.task === 'string' && OPERATION.test(parsed.task) ? { task: parsed.task } : {}),
    ...(Array.isArray(parsed.items) ? { item_count: items.length, items: items.slice(0, SHOWN_ITEMS).map(maskItem) } : {}),
  };
}

function maskItem(item: unknown): Record<string, unknown> {
  if (!isRecord(item)) return {};
  return {
    ...(typeof item.op === 'string' && OPERATION.test(item.op) ? { op: item.op } : {}),
    root: ownId(item.root),
    ...pick(item, 'number', ['index']),
  };
}

function maskOptions(opts: unknown): Record<string, unknown> {
  if (!isRecord(opts)) return {};
  return {
    ...pick(opts, 'number', ['attempts', 'delay', 'priority', 'timestamp', 'removeOnComplete', 'removeOnFail', 'sizeLimit']),
    ...pick(opts, 'boolean', ['removeOnComplete', 'removeOnFail', 'lifo']),
  };
}

/** Jobs return counts. */
function maskReturn(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return isRecord(value)
    ? pick(
        value,
        'number',
        Object.keys(value).filter((key) => OPERATION.test(key)),
      )
    : null;
}

/** The error's class and the frames of its stack, without its message. */
export function maskTrace(trace: unknown): string {
  if (typeof trace !== 'string') return '';
  const lines = trace.split('\n');
  const frames = lines
    .slice(1)
    .map((l) => l.trim())
    .filter((l) => FRAME.test(l));
  return [errorClass(lines[0]), ...frames.map((frame) => `    ${frame}`)].join('\n');
}

function maskReason(reason: unknown, stacktrace: readonly string[]): string {
  if (typeof reason === 'string' && STATIC_REASONS.has(reason)) return reason;
  const name = stacktrace.at(-1)?.split('\n')[0] ?? errorClass(reason);
  return `${name} (its message is hidden: look for this job's id in the log of the workers)`;
}

function errorClass(text: unknown): string {
  return (typeof text === 'string' ? ERROR_CLASS.exec(text)?.[1] : undefined) ?? 'Error';
}

function ownId(value: unknown): string {
  return typeof value === 'string' && OWN_ID.test(value) ? value : '(hidden)';
}

function pick(from: Record<string, unknown>, type: 'number' | 'boolean', keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => typeof from[key] === type).map((key) => [key, from[key]]));
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const asArray = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: there is nothing in it that may be shown.
    return null;
  }
}
