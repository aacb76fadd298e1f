/** The command line. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ClientError } from './errors.ts';

export const HELP = `npm run import -- FILE.csv [options]

  --list ID             subscribe every contact to this list; may be given several times
  --map NUMBER=FIELD    what a column is, by its number in the table shown: --map 0=email; "-" ignores it: --map 3=-
  --date NUMBER=ORDER   how a column writes dates: dmy, mdy or ymd
  --decimal NUMBER=MARK decimal mark of a column: , or .
  --country CODE        country of phone numbers in rows that have none
  --empty keep|clear    what an empty cell does to the value there is (keep)
  --duplicates last|first   which of several rows with one address counts (last)
  --dry-run             count what would happen, change nothing
  --force               import it although the same file was imported before
  --preview             show the mapping, and stop there
  --rejects FILE        save the rejected rows there when the import has ended

MUSTER_API_URL (default http://127.0.0.1:8080) and MUSTER_API_KEY say whom to speak to.
Interrupted, the same command goes on where it was.`;

export type Options = {
  file: string;
  url: string;
  key: string;
  lists: string[];
  /** Field, or null, by column. */
  map: Record<string, string | null>;
  formats: Record<string, { date?: string; decimal?: string }>;
  country: string | undefined;
  empty: string | undefined;
  duplicates: string | undefined;
  dryRun: boolean;
  force: boolean;
  preview: boolean;
  rejects: string | undefined;
  statePath: string | undefined;
};

const DEFAULT_KEY = 'muster-dev-key';

/** Null: only help is wanted. @throws ClientError */
export function parseOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options | null {
  const { values, positionals } = read(args);
  if (values.help) return null;
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new ClientError(`Give one file.\n\n${HELP}`);
  // npm runs scripts in the folder of the repository; a path means the folder that the command was given in.
  const here = (path: string) => resolve(env.INIT_CWD || process.cwd(), path);
  return {
    file: here(file),
    url: (env.MUSTER_API_URL || `http://127.0.0.1:${env.MUSTER_API_PORT || '8080'}`).replace(/\/+$/, ''),
    key: env.MUSTER_API_KEY || env.MUSTER_DEV_KEY || DEFAULT_KEY,
    lists: values.list ?? [],
    map: Object.fromEntries(pairs('--map', values.map).map(([column, field]) => [column, field === '-' ? null : field])),
    formats: formats(values.date, values.decimal),
    ...{ country: values.country, empty: values.empty, duplicates: values.duplicates },
    ...{ dryRun: values['dry-run'] ?? false, force: values.force ?? false, preview: values.preview ?? false },
    rejects: values.rejects === undefined ? undefined : here(values.rejects),
    statePath: env.MUSTER_IMPORT_STATE || undefined,
  };
}

function read(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const many = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...{ list: many, map: many, date: many, decimal: many, country: text, empty: text, duplicates: text, rejects: text },
        ...{ 'dry-run': flag, force: flag, preview: flag, help: { ...flag, short: 'h' } },
      },
    });
  } catch (error) {
    throw new ClientError(`${error instanceof Error ? error.message : 'An option cannot be read.'}\n\n${HELP}`);
  }
}

function pairs(option: string, given: readonly string[] = []): [string, string][] {
  return given.map((text) => {
    const [, column, value] = /^(\d{1,5})=(.+)$/.exec(text) ?? [];
    if (column === undefined || value === undefined) throw new ClientError(`${option} takes NUMBER=VALUE, for instance ${option} 0=…`);
    return [String(Number(column)), value];
  });
}

function formats(dates: string[] | undefined, decimals: string[] | undefined): Options['formats'] {
  const found: Options['formats'] = {};
  for (const [column, date] of pairs('--date', dates)) found[column] = { ...found[column], date };
  for (const [column, decimal] of pairs('--decimal', decimals)) found[column] = { ...found[column], decimal };
  return found;
}
