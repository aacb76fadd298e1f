/** Command line → command. Exit code 0 = done, 1 = not done, with one message that says what to do. */
import { MigrationError } from '@muster/postgres';
import { adminSchema, ConfigError, loadConfig } from '@muster/runtime';
import { allowOptions, type CommandLine, parseCommandLine } from './arguments.ts';
import { balance } from './commands/balance.ts';
import { bootstrap } from './commands/bootstrap.ts';
import { createKeyCommand, listKeysCommand, revokeKeyCommand } from './commands/key.ts';
import { migrate } from './commands/migrate.ts';
import { rebuildMirror } from './commands/mirror.ts';
import { auditCommand } from './commands/segments.ts';
import { verify } from './commands/verify.ts';
import { createWorkspaceCommand, listWorkspacesCommand } from './commands/workspace.ts';
import { type Deps, openDeps } from './deps.ts';
import { CommandError, UsageError } from './errors.ts';
import { describeFailure } from './failure.ts';
import { createOutput } from './output.ts';
import { USAGE } from './usage.ts';

type Stream = { write(text: string): unknown; isTTY?: boolean };
export type CliOptions = { env: NodeJS.ProcessEnv; stdout: Stream; stderr: Stream };

type Command = { words: number; options: Parameters<typeof allowOptions>[1][]; run: (deps: Deps, line: CommandLine) => Promise<void> };

const COMMANDS = new Map<string, Command>(
  Object.entries({
    migrate: { words: 0, options: [], run: migrate },
    bootstrap: { words: 0, options: ['workspace', 'key'], run: bootstrap },
    'workspace create': { words: 1, options: ['timezone', 'country'], run: createWorkspaceCommand },
    'workspace list': { words: 0, options: [], run: listWorkspacesCommand },
    'key create': { words: 0, options: ['workspace', 'name', 'scopes', 'rate'], run: createKeyCommand },
    'key list': { words: 0, options: ['workspace'], run: listKeysCommand },
    'key revoke': { words: 0, options: ['workspace', 'id'], run: revokeKeyCommand },
    balance: { words: 0, options: ['workspace'], run: balance },
    verify: { words: 0, options: ['workspace'], run: verify },
    'segments audit': { words: 0, options: ['workspace', 'timeout'], run: auditCommand },
    'mirror rebuild': { words: 0, options: ['workspace'], run: rebuildMirror },
  }),
);

export async function runCli(args: readonly string[], options: CliOptions): Promise<number> {
  const output = createOutput(options.stdout);
  try {
    const line = parseCommandLine(args);
    if (line.help || line.words[0] === 'help') {
      output.line(USAGE);
      return 0;
    }
    const { command, rest } = findCommand(line);
    const deps = openDeps(loadConfig(adminSchema, options.env), output);
    try {
      await command.run(deps, rest);
    } finally {
      output.endProgress();
      await deps.close();
    }
    return 0;
  } catch (error) {
    const known = error instanceof CommandError || error instanceof ConfigError || error instanceof MigrationError;
    options.stderr.write(`${known ? error.message : describeFailure(error)}\n`);
    if (error instanceof UsageError) options.stderr.write('`npm run admin -- help` shows every command.\n');
    return 1;
  }
}

/** The command of the first one or two words, and the command line without them. */
function findCommand(line: CommandLine): { command: Command; rest: CommandLine } {
  const [first, second] = line.words;
  if (first === undefined) throw new UsageError('name a command');
  const taken = COMMANDS.has(first) ? 1 : 2;
  const command = COMMANDS.get(first) ?? COMMANDS.get(`${first} ${second ?? ''}`);
  if (!command) throw new UsageError(`there is no command "${line.words.slice(0, 2).join(' ')}"`);
  const rest = { ...line, words: line.words.slice(taken) };
  if (rest.words.length < command.words) throw new UsageError('the name is missing');
  const extra = rest.words[command.words];
  if (extra !== undefined) throw new UsageError(`"${extra}" is one word too many`);
  allowOptions(rest, ...command.options);
  return { command, rest };
}
