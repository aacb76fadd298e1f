/** CSV files of contacts: how they are written, their rows, and what the rows say. Pure: the only input is the bytes given. */
export * from './compile-row.ts';
export * from './csv-row.ts';
export { type Delimiter, type Dialect, dialectSchema, type Encoding } from './dialect.ts';
export { IMPORT_FIELDS } from './headers/dictionary.ts';
export * from './import-options.ts';
export * from './mapping.ts';
export * from './read-records.ts';
export { MAX_RAW, MAX_RECORD_BYTES, ROW_FAULT_CODES, type Row, type RowFault, type RowFaultCode } from './row.ts';
export * from './sniff/sniff.ts';
export * from './suggest-mapping.ts';
export * from './values/column-formats.ts';
export { COLUMN_TYPES, type ColumnType } from './values/column-type.ts';
