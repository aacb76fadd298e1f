/** A row of the file → the patch of `contacts.upsert`, or why the row is rejected. A pure function of the row and the import's options. */
import { type CompiledRow, compileRow, type ImportOptions, type Mapping, type Row } from '@muster/csv';
import { type ContactPatch, normaliseContact, normaliseEmail } from '@muster/domain';
import { identityHash, type NewImportReject } from '@muster/postgres';

export type Judged = { patch: ContactPatch } | { reject: NewImportReject };
export type Judge = (row: Row) => Judged;

type Reason = { column: number | null; code: string; message: string };

export function createJudge(mapping: Mapping, options: ImportOptions, hashKey: string): Judge {
  const compiled = compileRow(mapping, options);
  const context = { timezone: options.timezone, country: options.default_country };
  const emailColumn = compiled.columnOf('email');

  const reject = (row: Row, reason: Reason): Judged => {
    const email = addressOf(row, emailColumn);
    return {
      reject: {
        ...{ line: row.line, ...reason, cells: row.cells, raw: row.fault && row.cells.length === 0 ? row.fault.raw : null },
        emailHash: email === null ? null : identityHash(hashKey, 'email', email),
      },
    };
  };

  return (row) => {
    if (row.fault !== null) return reject(row, row.fault);
    const read = compiled.read(row.cells);
    const [cellFault] = read.ok ? [] : read.faults;
    if (cellFault) return reject(row, cellFault);
    const result = normaliseContact(read.ok ? read.contact : {}, context);
    if (result.ok) return { patch: result.patch };
    const [issue] = result.issues;
    return reject(row, {
      column: columnOf(compiled, issue?.field ?? ''),
      code: issue?.code ?? 'invalid',
      message: issue?.message ?? 'The row is not a valid contact.',
    });
  };
}

/** Column of the field that an issue names; it may name a place inside a JSON field. */
export function columnOf(compiled: Pick<CompiledRow, 'columnOf'>, field: string): number | null {
  return compiled.columnOf(field) ?? compiled.columnOf(/^\w+/.exec(field)?.[0] ?? '');
}

/** The address that a rejected row names, so that an erasure finds it: in its column, else the first thing that reads like one. */
function addressOf(row: Row, emailColumn: number | null): string | null {
  if (row.cells.length > 0) {
    const found = normaliseEmail(row.cells[emailColumn ?? 0]);
    return found.ok ? found.email : null;
  }
  for (const word of (row.fault?.raw ?? '').split(/[\s,;|"'<>]+/)) {
    if (!word.includes('@')) continue;
    const found = normaliseEmail(word);
    if (found.ok) return found.email;
  }
  return null;
}
