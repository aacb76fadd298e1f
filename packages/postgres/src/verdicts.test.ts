import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeVerdicts, encodeVerdicts, VERDICTS, type Verdict, type VerdictCode } from './verdicts.ts';

const codes = Object.keys(VERDICTS) as VerdictCode[];
const root = fc.oneof(fc.uuid(), fc.string({ maxLength: 8 }));
const identity = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(root, fc.nat()).map(([r, n]) => `${r}:${n}`) },
  root,
  fc.constantFrom(':', ':1', 'a:', 'a:01', 'a:-1', 'a:1e3', 'a:9007199254740993', 'a: 1', 'a:1/lists'),
);
const verdict: fc.Arbitrary<Verdict> = fc
  .record({
    v: fc.constantFrom(...codes),
    i: identity,
    id: fc.option(fc.integer({ min: 1, max: 4_294_967_295 }), { nil: undefined }),
    m: fc.option(fc.dictionary(fc.constantFrom('news', 'club', '0'), fc.constantFrom('subscribed', 'skipped_status')), { nil: undefined }),
  })
  .map(({ v, i, id, m }) => ({ v, i, ...(id === undefined ? {} : { id }), ...(m === undefined ? {} : { m }) }));

test('any verdicts read back as they were', () => {
  fc.assert(
    fc.property(fc.array(verdict, { maxLength: 30 }), (verdicts) => {
      expect(decodeVerdicts(encodeVerdicts(verdicts))).toEqual(verdicts);
    }),
    { numRuns: 500 },
  );
});

test('a thousand events of one request take less than 15 bytes each', () => {
  const verdicts = Array.from(
    { length: 1_000 },
    (_, n): Verdict => ({ v: 's', i: `0193a1f0-0000-7000-8000-000000000000:${n}`, id: 100_000 + n }),
  );
  expect(encodeVerdicts(verdicts).length).toBeLessThan(15_000);
});

test('reads the rows of earlier versions, and refuses anything else', () => {
  expect(decodeVerdicts('[{"v":"s","id":7,"i":"r:0"},{"v":"n","i":"r:1","m":{"news":"subscribed"}}]')).toEqual([
    { v: 's', id: 7, i: 'r:0' },
    { v: 'n', i: 'r:1', m: { news: 'subscribed' } },
  ]);
  expect(decodeVerdicts('[]')).toEqual([]);
  expect(() => decodeVerdicts('{"v":"?","roots":[["r",1]],"n":[0],"id":[0]}')).toThrow();
  expect(() => decodeVerdicts('{}')).toThrow();
  expect(() => decodeVerdicts('nonsense')).toThrow();
});
