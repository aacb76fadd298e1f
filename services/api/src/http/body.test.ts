import { expect, it } from 'vitest';
import { bodyKind, parseNdjson, utf8Text } from './body.ts';

it('tells JSON and NDJSON by content type', () => {
  expect(bodyKind(undefined, false)).toBe('json');
  expect(bodyKind('application/json;charset=UTF-8', false)).toBe('json');
  expect(bodyKind('application/vnd.api+json', false)).toBe('json');
  expect(bodyKind('application/x-ndjson', true)).toBe('ndjson');
  for (const type of ['text/plain', 'application/x-ndjson', 'json', '']) expect(() => bodyKind(type, false)).toThrow();
});

it('numbers NDJSON lines without the empty ones', () => {
  expect(parseNdjson('1\n\n \r\n{bad\n"x"', 10)).toEqual([1, undefined, 'x']);
  expect(parseNdjson('', 10)).toEqual([]);
  expect(parseNdjson('1\n2\n3\n4', 2)).toEqual([1, 2, 3]);
});

it('refuses bytes that are not UTF-8 and drops a byte order mark', () => {
  expect(utf8Text(Buffer.from('\ufeff{}'))).toBe('{}');
  expect(() => utf8Text(Buffer.from([0x22, 0xff, 0x22]))).toThrow();
  expect(() => utf8Text(Buffer.from([0xed, 0xa0, 0x80]))).toThrow();
});
