/** A benchmark that cannot go on, or that lost something: the message says what, and what to do. */
import { LoadError } from '../load/errors.ts';

export class BenchError extends LoadError {}
