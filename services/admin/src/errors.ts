/** The command was given wrongly, or cannot be done: the message says what to do. Shown without a stack trace. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** Wrong words on the command line; the usage is shown with it. */
export class UsageError extends CommandError {
  override readonly name: string = 'UsageError';
}
