export * from './claims.ts';
export * from './done-channel.ts';
export * from './names.ts';
export * from './options.ts';
export * from './payloads.ts';
export * from './producer.ts';
export * from './routes.ts';
export * from './touched.ts';
