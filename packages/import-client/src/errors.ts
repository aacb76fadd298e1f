/** Failures as a person reads them: what is wrong, and what to do next. */

/** A failure that its message explains. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
}

export type Detail = { field?: string | undefined; code: string; message: string };

/** An answer of the API that is an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly details: readonly Detail[];

  constructor(status: number, code: string, message: string, details: readonly Detail[] = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

const ADVICE: Record<string, string> = {
  unauthorized: 'Set MUSTER_API_KEY to a key of this installation.',
  forbidden_scope: 'Set MUSTER_API_KEY to a key with the scope write.',
  email_not_mapped: 'Say which column has the addresses: --map NUMBER=email, with a number of the table above.',
  list_not_found: 'Create the list first (lists.create), or leave --list out.',
  file_too_large: 'Split the file, or raise MUSTER_IMPORT_MAX_BYTES of the API.',
  insufficient_storage: 'The disk of the API is full: make room, then run the same command again.',
  sha256_mismatch: 'The file changed while it was sent; run the same command again.',
  upload_gone: 'The upload has expired; run the same command again to begin anew.',
  import_not_found: 'It was deleted, or belongs to another key; run the same command again to begin anew.',
};

export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    const details = error.details.map((d) => `  ${d.field ? `${d.field}: ` : ''}${d.message}`);
    return [error.message, ...details, ...(ADVICE[error.code] === undefined ? [] : [ADVICE[error.code]])].join('\n');
  }
  if (error instanceof ClientError) return error.message;
  return error instanceof Error ? `${error.message}\nThis was not expected; run the same command again to go on.` : 'Something went wrong.';
}
