/** A failure that a person can act on: the message alone is shown, without a stack. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
}
