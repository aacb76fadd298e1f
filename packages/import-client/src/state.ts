/** Which import a file belongs to, remembered between runs of the program: a small file of JSON, without keys or contents. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const KEPT_MS = 14 * 86_400_000;

const stateSchema = z.record(z.string(), z.object({ id: z.string(), at: z.number() }));
type State = z.infer<typeof stateSchema>;

export class Memory {
  readonly #path: string;

  constructor(path: string | undefined) {
    this.#path = path ?? join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'muster', 'imports.json');
  }

  async recall(fingerprint: string): Promise<string | null> {
    return (await this.#read())[fingerprint]?.id ?? null;
  }

  async remember(fingerprint: string, id: string): Promise<void> {
    await this.#write({ ...(await this.#read()), [fingerprint]: { id, at: Date.now() } });
  }

  async forget(fingerprint: string): Promise<void> {
    const { [fingerprint]: known, ...rest } = await this.#read();
    if (known !== undefined) await this.#write(rest);
  }

  async #read(): Promise<State> {
    try {
      const parsed = stateSchema.safeParse(JSON.parse(await readFile(this.#path, 'utf8')));
      return parsed.success ? parsed.data : {};
    } catch {
      // Not there, or damaged: then nothing is remembered, and the file is sent from its beginning.
      return {};
    }
  }

  async #write(state: State): Promise<void> {
    const fresh = Object.entries(state).filter(([, entry]) => entry.at > Date.now() - KEPT_MS);
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const beside = `${this.#path}.${process.pid}`;
    await writeFile(beside, `${JSON.stringify(Object.fromEntries(fresh), null, 2)}\n`, { mode: 0o600 });
    await rename(beside, this.#path);
  }
}

/** The same file for the same API, as long as nobody writes to it. */
export async function fingerprintOf(url: string, path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  return createHash('sha256')
    .update(JSON.stringify([url, path, size, mtimeMs, ino]))
    .digest('hex');
}
