/**
 * Identifiers and stable hashes.
 *
 * Hashes decide lanes, claims and advisory locks that are stored or shared between processes: what they return may never change.
 * SHA-1, cut to 64 bits: `crypto.hash` does ~1M/s here, which no hash written in JavaScript with 64-bit arithmetic reaches, and
 * producers cannot make collisions by accident. It protects no secret.
 */
import { hash, randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let poolAt = POOL_BYTES;
let lastMs = 0;
let counter = 0;

/**
 * A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix ms, a 12-bit counter (§6.2, method 1), 62 random bits. Ids of one process are strictly
 * increasing as text, also when its clock steps back.
 */
export function uuidv7(now: number = Date.now()): string {
  if (now > lastMs) {
    lastMs = now;
    // Start in the lower half: leaves at least 2,048 ids for this millisecond.
    counter = (randomByte() << 3) | (randomByte() & 7);
  } else if (++counter > 0xfff) {
    // The millisecond is full: borrow from the next one rather than repeat or go back.
    lastMs++;
    counter = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  let tail = '';
  for (let i = 0; i < 8; i++) {
    const byte = i === 0 ? (randomByte() & 0x3f) | 0x80 : randomByte();
    tail += HEX[byte];
  }
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

function randomByte(): number {
  if (poolAt >= POOL_BYTES) {
    randomFillSync(pool);
    poolAt = 0;
  }
  return pool[poolAt++] as number;
}

/** 64-bit hash of a text as an unsigned bigint: the first 8 bytes of the SHA-1 of its UTF-8 form, big-endian. */
export function hash64(text: string): bigint {
  return BigInt(`0x${hash('sha1', text, 'hex').slice(0, 16)}`);
}

/** {@link hash64} as a signed bigint, what Postgres' `bigint` and advisory locks take. */
export function hash64Signed(text: string): bigint {
  return BigInt.asIntN(64, hash64(text));
}

/** {@link hash64} as 8 bytes, for compact sets. */
export function hash64Bytes(text: string): Buffer {
  return hash('sha1', text, 'buffer').subarray(0, 8);
}

/**
 * Lane of a key, 0 … lanes-1: the first 48 bits of the SHA-1 of `workspace:key`, modulo the number of lanes.
 *
 * @param key the normalised email or another identifier that all writes to one contact share
 */
export function laneOf(workspaceId: number, key: string, lanes: number): number {
  return Number.parseInt(hash('sha1', `${workspaceId}:${key}`, 'hex').slice(0, 12), 16) % lanes;
}
