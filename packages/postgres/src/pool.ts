/**
 * Connection pools. Sessions of workers carry deadlines, so that a hung holder of a lane's lock (a stopped process, a lost
 * host) is ended by Postgres instead of stopping the lane for ever.
 */
import pg from 'pg';

export type Pool = pg.Pool;
export type Client = pg.PoolClient;
export type Queryable = Pick<pg.PoolClient, 'query'>;

export type PoolOptions = { max: number; role: 'worker' | 'api' | 'admin'; onError: (error: Error) => void };

const DEADLINES: Record<PoolOptions['role'], string> = {
  worker: '-c idle_in_transaction_session_timeout=8000 -c statement_timeout=20000 -c lock_timeout=5000',
  api: '-c idle_in_transaction_session_timeout=8000 -c statement_timeout=15000 -c lock_timeout=5000',
  admin: '',
};
/**
 * Workers only probe by key, so a nested loop over an index is always the right plan. A database that has not analysed its
 * tables yet would join by hashing a whole workspace instead, for every chunk of its first minutes.
 */
const PROBES_ONLY = '-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off';
/** {@link isoTime} reads times as Postgres writes them in this zone. */
const UTC = '-c timezone=UTC -c datestyle=ISO';
const KEEPALIVE = '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000';

/** A pool of at most `max` connections. `onError` gets errors of idle connections (a restart of Postgres raises them). */
export function createPool(url: string, options: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max,
    idleTimeoutMillis: 10_000,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: `muster-${options.role}`,
    options: [UTC, KEEPALIVE, DEADLINES[options.role], ...(options.role === 'worker' ? [PROBES_ONLY] : [])].join(' '),
  });
  pool.on('error', options.onError);
  // A pool listens to idle connections only, and an `error` event that nobody listens to ends the process: of a connection that somebody
  // has, or, where Postgres announces its end in the packet of an answer, in the moment of handing it over. Its next statement fails.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * Runs `work` in one transaction and commits. Nothing but SQL may happen inside: a connection that idles in a transaction is
 * ended after 8 s. On any error the transaction is rolled back and the error is thrown on; a connection whose rollback failed
 * is not reused.
 *
 * A connection that dies meanwhile (ended by Postgres, or Postgres itself restarts) rejects at once, also when `work` waits for
 * something else.
 */
export async function inTransaction<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  let onLost: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => {
    onLost = (error) => {
      broken = error;
      reject(error);
    };
  });
  // Without a taker while no race is on, a rejection would be an unhandled one.
  lost.catch(() => undefined);
  client.on('error', onLost);
  try {
    await client.query('BEGIN');
    const result = await Promise.race([work(client), lost]);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    if (!broken)
      await client.query('ROLLBACK').catch((e: unknown) => {
        broken = e instanceof Error ? e : new Error('rollback failed');
      });
    throw error;
  } finally {
    client.off('error', onLost);
    client.release(broken);
  }
}

/** SQLSTATE of a Postgres error, or null when the error did not come from the server. */
export function sqlState(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}

/**
 * True for errors that the data itself causes (class 22 data exception, 23 integrity, 54 limits): repeating them cannot help.
 * Everything else (connection, lock, deadlock, serialization, shutdown, disk) is transient. 23505 is judged by the caller:
 * between our read and our write another transaction may have taken the key, and then repeating does help.
 */
export function isDataError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && (state.startsWith('22') || state.startsWith('23') || state.startsWith('54'));
}
