/** The command line, parsed: words first, then options. */
import { parseArgs } from 'node:util';
import { isTimeZone, normaliseCountry } from '@muster/domain';
import { SCOPES, type Scope } from '@muster/postgres';
import { UsageError } from './errors.ts';

const OPTIONS = {
  workspace: { type: 'string' },
  key: { type: 'string' },
  name: { type: 'string' },
  scopes: { type: 'string' },
  rate: { type: 'string' },
  id: { type: 'string' },
  timeout: { type: 'string' },
  timezone: { type: 'string' },
  country: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type OptionName = Exclude<keyof typeof OPTIONS, 'help'>;
export type CommandLine = { words: string[]; options: Partial<Record<OptionName, string>>; help: boolean };

/** @throws UsageError on an option that does not exist or lacks its value. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
    const { help, ...options } = values;
    return { words: positionals, options, help: help ?? false };
  } catch (error) {
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : 'the options cannot be read');
  }
}

/** Refuses options that the command does not know: a misplaced one must not be ignored silently. */
export function allowOptions(line: CommandLine, ...allowed: OptionName[]): void {
  for (const name of Object.keys(line.options))
    if (!(allowed as string[]).includes(name)) throw new UsageError(`this command has no option --${name}`);
}

export function requireOption(line: CommandLine, name: OptionName): string {
  const value = line.options[name];
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

export function workspaceName(text: string): string {
  if (!/^[a-z0-9_-]{1,64}$/.test(text)) throw new UsageError('the name of a workspace is 1 to 64 of the characters a-z, 0-9, _ and -');
  return text;
}

export function timezone(text: string): string {
  if (!isTimeZone(text)) throw new UsageError(`"${text}" is not a time zone: give an IANA name such as Europe/Berlin`);
  return text;
}

export function country(text: string): string {
  const code = normaliseCountry(text);
  if (code === null) throw new UsageError(`"${text}" is not a country: give its ISO code, such as DE`);
  return code;
}

export function scopes(text: string): Scope[] {
  const names = [...new Set(text.split(',').map((s) => s.trim()))];
  const known = SCOPES.filter((s) => names.includes(s));
  if (known.length !== names.length) throw new UsageError(`--scopes takes one or more of ${SCOPES.join(',')}, separated by commas`);
  return known;
}

export function positive(name: OptionName, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 2_147_483_647)
    throw new UsageError(`--${name} takes a whole number from 1 to 2147483647`);
  return value;
}

const MIN_KEY_LENGTH = 8;

/** A key chosen by the operator; it travels in a header, so printable ASCII without spaces. */
export function chosenKey(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text) || text.length < MIN_KEY_LENGTH || text.length > 200)
    throw new UsageError(`a key has ${MIN_KEY_LENGTH} to 200 printable ASCII characters and no spaces`);
  return text;
}
