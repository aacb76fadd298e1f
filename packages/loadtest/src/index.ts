/** Producers for load tests and the demonstration: they see the system through its public API, as any producer does. */
export { ApiCallError, type ClientStats, MusterClient, type WriteOptions } from './client/client.ts';
export { type HttpOptions, UnreachableError } from './client/http.ts';
