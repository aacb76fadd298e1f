import { expect, it } from 'vitest';
import { idempotencyKey, keyOf, requestIdOf, waitSeconds } from './headers.ts';

it('reads Prefer: wait among other preferences', () => {
  expect(waitSeconds(undefined)).toBeNull();
  expect(waitSeconds('respond-async')).toBeNull();
  expect(waitSeconds('respond-async, Wait="30"; x=1')).toBe(30);
  expect(waitSeconds('wait=1')).toBe(1);
  for (const bad of ['wait', 'wait=', 'wait=0', 'wait=31', 'wait=1e1', 'wait=+5', 'wait=999999999999'])
    expect(() => waitSeconds(bad)).toThrow();
});

it('reads keys of Bearer and Basic', () => {
  expect(keyOf('bearer mk_1')).toBe('mk_1');
  expect(keyOf(`Basic ${btoa('mk_1:')}`)).toBe('mk_1');
  expect(keyOf(`Basic ${btoa('mk_1:ignored')}`)).toBe('mk_1');
  for (const none of [undefined, '', 'Bearer', 'Bearer a b', 'Digest x', 'Basic !!', `Basic ${btoa(':pw')}`])
    expect(keyOf(none)).toBeNull();
});

it('takes only safe request ids', () => {
  expect(requestIdOf('a-1_2.3:4/5+6=@')).toBe('a-1_2.3:4/5+6=@');
  for (const unsafe of ['', 'a b', 'x'.repeat(129), 'é', '"']) expect(requestIdOf(unsafe)).toMatch(/^[0-9a-f-]{36}$/);
});

it('takes printable idempotency keys', () => {
  expect(idempotencyKey(undefined)).toBeNull();
  expect(idempotencyKey('order 77')).toBe('order 77');
  for (const bad of ['', ' x', 'x'.repeat(256), 'é']) expect(() => idempotencyKey(bad)).toThrow();
});
