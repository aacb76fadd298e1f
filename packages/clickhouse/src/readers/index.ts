export * from './contacts.ts';
export * from './custom-events.ts';
export * from './timeline.ts';
