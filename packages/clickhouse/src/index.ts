export * from './client.ts';
export * from './migrate.ts';
export * from './readers/index.ts';
export * from './rows.ts';
export * from './writer.ts';
