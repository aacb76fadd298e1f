/** What comes before the first word of a statement: white space, comments, opening parentheses. */
const LEAD = /^(?:\s|\(|--[^\n]*(?:\n|$)|#[ !][^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/;
/** Trailing `FORMAT Name`, with an optional SETTINGS clause and semicolon behind it. */
const FORMAT_AT_END = /\bFORMAT\s+([A-Za-z0-9_]+)\s*(?:SETTINGS\s[\s\S]*)?;?\s*$/i;
const READS = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS', 'VALUES', 'FROM']);

/** The first word of a statement in capitals; empty when there is none. */
export function firstWord(sql: string): string {
  const rest = sql.slice(LEAD.exec(sql)?.[0].length ?? 0);
  return (/^[A-Za-z]+/.exec(rest)?.[0] ?? '').toUpperCase();
}

/** True for statements that only read. `WITH … INSERT` does not exist in ClickHouse: WITH stands behind INSERT INTO. */
export function isRead(sql: string): boolean {
  return READS.has(firstWord(sql));
}

/** The format a statement names at its end, or undefined. */
export function formatOf(sql: string): string | undefined {
  return FORMAT_AT_END.exec(sql)?.[1];
}

/** True for an INSERT whose rows are to follow: it ends in `FORMAT Name` or `VALUES`. */
export function isInsertWithFormat(sql: string): boolean {
  return firstWord(sql) === 'INSERT' && (formatOf(sql) !== undefined || /\bVALUES\s*$/i.test(sql));
}
