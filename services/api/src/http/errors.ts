/**
 * Every error of the API: one table of stable codes, one exception, one body. Clients branch on `code`; `message` is for people
 * and never holds a value, SQL or a stack.
 */
export const ERRORS = {
  malformed_json: [400, 'The body is not JSON.'],
  invalid_utf8: [400, 'The body is not UTF-8.'],
  malformed_encoding: [400, 'The body cannot be decompressed: it is not what Content-Encoding says, or it is cut short.'],
  invalid_prefer: [400, 'Prefer: wait takes a whole number of seconds from 1 to 30.'],
  invalid_idempotency_key: [400, 'Idempotency-Key has 1 to 255 printable ASCII characters.'],
  invalid_cursor: [400, 'This cursor was not made by this call; start without one.'],
  malformed_upload: [400, 'A header of the resumable upload is missing or not valid; see tus.io, version 1.0.'],
  upload_interrupted: [400, 'The body ended before its time; send it again, or go on with it at tus_url.'],
  unauthorized: [401, 'A valid key is required: Authorization: Bearer <key>.'],
  forbidden_scope: [403, 'This key lacks the scope that the call needs.'],
  not_found: [404, 'There is no such call; /docs lists them all.'],
  contact_not_found: [404, 'There is no such contact.'],
  list_not_found: [404, 'There is no such list.'],
  segment_not_found: [404, 'There is no such segment.'],
  event_not_found: [404, 'There is no such event.'],
  job_not_found: [404, 'There is no such job, or it is older than the ledger.'],
  import_not_found: [404, 'There is no such import.'],
  method_not_allowed: [405, 'This call takes another method; see the Allow header.'],
  list_exists: [409, 'A list with this id exists.'],
  list_being_deleted: [409, 'The list that had this id is still being deleted; try again in a moment or choose another id.'],
  list_in_use: [409, 'A segment refers to this list; details says which.'],
  segment_exists: [409, 'A segment with this id exists.'],
  segment_in_use: [409, 'Another segment refers to this one; details says which.'],
  segment_not_ready: [409, 'A segment that the tree refers to has never been complete; try again when it is active.'],
  import_not_uploading: [409, 'This import takes no file (any more); create another one.'],
  import_not_uploaded: [409, 'The file of this import is not complete; upload it first.'],
  import_file_gone: [409, 'The file of this import is not kept any more.'],
  import_not_startable: [409, 'This import has ended without being completed; create another one.'],
  import_not_running: [409, 'This import is not running.'],
  import_not_paused: [409, 'This import is not paused.'],
  import_ended: [409, 'This import has ended already.'],
  import_not_ended: [409, 'This import is at work; cancel it, and try again when ended_at is set.'],
  upload_in_progress: [409, 'Another upload of this file is under way; wait for it, or try again in a moment.'],
  upload_offset_mismatch: [409, 'Upload-Offset is not where the file ends; ask for it with HEAD.'],
  upload_gone: [410, 'This upload has expired; create the import again.'],
  tus_resumable_required: [412, 'Tus-Resumable: 1.0.0 is required.'],
  payload_too_large: [413, 'The body is too large; send fewer items at a time.'],
  file_too_large: [413, 'The file is larger than an import may be; split it.'],
  unsupported_media_type: [415, 'Send application/json.'],
  unsupported_charset: [415, 'Send UTF-8.'],
  unsupported_encoding: [415, 'Content-Encoding must be gzip, deflate or br.'],
  validation_failed: [422, 'The request is not valid; details says why.'],
  invalid_batch_size: [422, 'A batch has 1 to 5,000 items.'],
  size_mismatch: [422, 'The file has another size than was declared.'],
  sha256_mismatch: [422, 'The file has another sha256 than was declared, and was removed; create the import again.'],
  unreadable_file: [422, 'This cannot be read as CSV, and was removed; details says why.'],
  email_not_mapped: [422, 'No column is mapped to email; map the one with the addresses.'],
  segment_too_heavy: [422, 'Evaluating this tree takes more time or memory than a preview may use; make it smaller.'],
  upload_locked: [423, 'Another upload of this file is under way; try again in a moment.'],
  rate_limited: [429, 'This key is over its rate; wait as long as Retry-After says.'],
  internal_error: [500, 'Something went wrong here; the request id finds it in the logs.'],
  over_capacity: [503, 'Too much is waiting to be processed; send it again later.'],
  workspace_over_capacity: [503, 'This workspace has too much waiting to be processed; send it again later.'],
  queue_unavailable: [503, 'The queue cannot take items at the moment; send it again.'],
  store_unavailable: [503, 'A database cannot be reached at the moment; try again.'],
  shutting_down: [503, 'This process is shutting down; try again.'],
  insufficient_storage: [507, 'There is no room for the file at the moment; try again later.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof ERRORS;
/** A fault names the `field` that it is in, or the `path` to its place in a tree. */
export type ErrorDetail = { index?: number; field?: string; path?: string; code: string; message: string };
type Extras = {
  message?: string;
  details?: readonly ErrorDetail[];
  headers?: Record<string, string>;
  /** Properties beside `error` in the body (`operations` of a 409). */
  beside?: Record<string, unknown>;
  cause?: unknown;
};

/** An error that is answered as it is. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly details: readonly ErrorDetail[] | undefined;
  readonly headers: Record<string, string>;
  readonly beside: Record<string, unknown>;

  constructor(status: number, code: string, message: string, extras: Extras = {}) {
    super(extras.message ?? message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.status = status;
    this.code = code;
    this.details = extras.details;
    // Every 503 says when to come back: well-behaved clients back off by it.
    this.headers = status === 503 && !extras.headers ? { 'retry-after': '1' } : (extras.headers ?? {});
    this.beside = extras.beside ?? {};
  }

  get body(): Record<string, unknown> {
    return { error: { code: this.code, message: this.message, ...(this.details ? { details: this.details } : {}) }, ...this.beside };
  }
}

/** An {@link ApiError} of the table. */
export function fail(code: ErrorCode, extras: Extras = {}): ApiError {
  const [status, message] = ERRORS[code];
  return new ApiError(status, code, message, extras);
}

/** 422 for one fault of the request itself. */
export function invalid(field: string, code: string, message: string): ApiError {
  return fail('validation_failed', { details: [{ field, code, message }] });
}
