/** The API as a library: tests and the load generator start it in their own process. */
export { type RunningApi, startApi } from './api.ts';
