/** One run's hold on an import: kept alive, and the way by which it learns that the import was paused, cancelled or taken over. */
import { type ImportStatus, releaseImport, renewImport, type Standing } from '@muster/postgres';
import { errorFields } from '@muster/runtime';
import type { Deps } from '../deps.ts';
import { Interrupted } from './failure.ts';

export const LEASE_SECONDS = 6;
const RENEW_MS = 400;
const RATE_SECONDS = 5;

export class Lease {
  readonly #deps: Deps;
  readonly importId: string;
  readonly holder: string;
  #standing: Standing | null;
  #timer: NodeJS.Timeout | null = null;
  #renewing: Promise<void> = Promise.resolve();
  #scanned: number | undefined;
  #records: number | undefined;
  #done = 0;
  #samples: { at: number; done: number }[] = [];

  constructor(deps: Deps, importId: string, holder: string, status: ImportStatus) {
    this.#deps = deps;
    this.importId = importId;
    this.holder = holder;
    this.#standing = { status, makesWay: false };
  }

  start(): void {
    const next = () => {
      this.#timer = setTimeout(() => {
        this.#renewing = this.renew()
          .catch((error: unknown) => this.#deps.log.debug({ import: this.importId, ...errorFields(error) }, 'lease not renewed yet'))
          .then(() => {
            if (this.#timer) next();
          });
      }, RENEW_MS);
    };
    next();
  }

  async renew(): Promise<void> {
    const progress = { rate: this.#rate(), ...this.#scan() };
    this.#standing = await renewImport(this.#deps.sidePool, this.importId, this.holder, LEASE_SECONDS, progress);
  }

  /** Stops renewing and lets others take the import at once. */
  async release(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#renewing;
    await releaseImport(this.#deps.sidePool, this.importId, this.holder).catch(() => undefined);
  }

  get running(): boolean {
    return this.#standing?.status === 'running';
  }

  /** Between two chunks it lets imports of other workspaces go first. */
  get makesWay(): boolean {
    return this.running && this.#standing?.makesWay === true;
  }

  /** @throws Interrupted when this run must not go on at all: the import is somebody else's, or the process stops. */
  requireHeld(): void {
    if (this.#standing === null) throw new Interrupted('the lease is lost');
    if (this.#deps.stopping()) throw new Interrupted('the process stops');
  }

  /** @throws Interrupted also when the import was paused or cancelled. */
  requireRunning(): void {
    this.requireHeld();
    if (!this.running) throw new Interrupted('paused or cancelled');
  }

  scanned(bytes: number, records: number): void {
    this.#scanned = bytes;
    this.#records = records;
  }

  counted(rows: number): void {
    this.#done += rows;
  }

  #scan(): { scanned?: number; records?: number } {
    if (this.#scanned === undefined || this.#records === undefined) return {};
    return { scanned: this.#scanned, records: this.#records };
  }

  #rate(): number | null {
    const at = Date.now();
    this.#samples.push({ at, done: this.#done });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > RATE_SECONDS * 1_000) this.#samples.shift();
    const first = this.#samples[0];
    if (!first || this.#done === 0 || at === first.at) return null;
    return ((this.#done - first.done) / (at - first.at)) * 1_000;
  }
}
