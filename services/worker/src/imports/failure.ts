/** Why an import cannot go on, and errors of the file system as such reasons. Everything else is transient: it is repeated. */
export type FailureCode = 'file_missing' | 'file_truncated' | 'disk_full' | 'unreadable_options' | 'internal';

export class ImportFailure extends Error {
  override readonly name = 'ImportFailure';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The run ends without having ended the import: it was paused or cancelled, somebody else has it, or the process stops. */
export class Interrupted extends Error {
  override readonly name: string = 'Interrupted';
}

/** It goes on after imports of other workspaces. */
export class MadeWay extends Interrupted {
  override readonly name = 'MadeWay';
  constructor() {
    super('imports of other workspaces wait');
  }
}

/** Scratch files are gone or not whole: the scan has to be done again. */
export class ScratchLost extends Error {
  override readonly name = 'ScratchLost';
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

/** @returns the failure that an error of the file system means, else the error itself */
export function asFailure(error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ImportFailure('disk_full', 'The disk of the import files is full; make room and start the import again.');
  return error;
}

export const fileMissing = () => new ImportFailure('file_missing', 'The uploaded file is not there any more; upload it again.');
export const fileTruncated = () =>
  new ImportFailure('file_truncated', 'The uploaded file is shorter or longer than it was; upload it again.');
