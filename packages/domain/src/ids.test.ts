import { describe, expect, test } from 'vitest';
import { hash64, hash64Bytes, hash64Signed, laneOf, uuidv7 } from './ids.ts';

describe('uuidv7', () => {
  test('RFC 9562: version 7, variant 10, the time in front', () => {
    const now = Date.now();
    const id = uuidv7();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(Number.parseInt(id.replace('-', '').slice(0, 12), 16) - now)).toBeLessThan(5_000);
  });

  test('strictly increasing within a process: in a full millisecond, and when the clock steps back', () => {
    const start = Date.now() + 10_000;
    const ids = Array.from({ length: 20_000 }, () => uuidv7(start));
    for (let back = 0; back < 100; back++) ids.push(uuidv7(start - back * 1000));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });
});

describe('hash64', () => {
  test('is stable for ever', () => {
    expect(hash64('')).toBe(0xda39a3ee5e6b4b0dn);
    expect(hash64('abc')).toBe(0xa9993e364706816an);
    expect(hash64Signed('abc')).toBe(BigInt.asIntN(64, 0xa9993e364706816an));
    expect(hash64Bytes('abc').toString('hex')).toBe('a9993e364706816a');
    expect(hash64('ü')).toBe(BigInt(`0x${hash64Bytes('ü').toString('hex')}`));
    expect([laneOf(1, 'a@b.co', 8), laneOf(2, 'a@b.co', 8), laneOf(1, 'a@b.co', 5)]).toEqual(LANES);
  });
});

/** Written down when the first version ran: another result would send a contact's writes to two lanes. */
const LANES = [4, 5, 2];

describe('laneOf', () => {
  test('spreads keys evenly', () => {
    const lanes = new Array<number>(8).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const lane = laneOf(3, `user${i}@example.com`, 8);
      lanes[lane] = (lanes[lane] ?? 0) + 1;
    }
    for (const count of lanes) expect(Math.abs(count - 2000)).toBeLessThan(250);
    expect(lanes).toHaveLength(8);
  });
});
