/** The API in front of real stores and a worker: one stack for all suites. */
import { afterAll, beforeAll, describe } from 'vitest';
import { type HttpStack, startHttpStack } from '../../../tests/support/http.ts';
import { badInputSuite } from './suites/bad-input.ts';
import { bodySuite } from './suites/bodies.ts';
import { callsSuite } from './suites/calls.ts';
import { exportSuite, importSuite } from './suites/imports.ts';
import { importUploadSuite } from './suites/imports-upload.ts';
import { keySuite } from './suites/keys.ts';
import { memberSuite } from './suites/members.ts';
import { pagingSuite } from './suites/paging.ts';
import { previewSuite } from './suites/previews.ts';
import { resilienceSuite } from './suites/resilience.ts';
import { segmentSuite } from './suites/segments.ts';

let http: HttpStack | undefined;
const stack = (): HttpStack => {
  if (!http) throw new Error('the stack is not running');
  return http;
};

beforeAll(async () => {
  http = await startHttpStack();
}, 120_000);
afterAll(async () => {
  await http?.close();
}, 60_000);

describe('calls', () => callsSuite(stack));
describe('pages', () => pagingSuite(stack));
describe('bodies', () => bodySuite(stack));
describe('bad input', () => badInputSuite(stack));
describe('keys', () => keySuite(stack));
describe('uploads of imports', () => importUploadSuite(stack));
describe('imports', () => importSuite(stack));
describe('exports', () => exportSuite(stack));
describe('segments', () => segmentSuite(stack));
describe('previews', () => previewSuite(stack));
describe('members', () => memberSuite(stack));
// Last: it stops stores.
describe('stores that go away', () => resilienceSuite(stack));
