import { expect, test } from 'vitest';
import { LoadError } from './errors.ts';
import { parseMix, requestWeights } from './mix.ts';
import { helpLines, loadOptions, loadSchema } from './options.ts';

test('without anything set, the defaults', () => {
  expect(loadOptions({ PATH: '/bin', RATE: '' })).toEqual({
    RATE: 0,
    DURATION: 30,
    CONNECTIONS: 32,
    BATCH: 500,
    MIX: { single_upsert: 5, upsert_batch: 25, single_event: 10, event_batch: 60 },
    CONTACTS: 100_000,
    SKEW: 0,
    DUPLICATES: 0,
    IDS: true,
    KEYS: true,
    SEED: 1,
    REPORT: '',
  });
});

test('reads what is given', () => {
  expect(loadOptions({ RATE: '2500.5', MIX: ' event_batch=3 , single_event=1', IDS: '0', SKEW: '1.1' })).toMatchObject({
    RATE: 2_500.5,
    MIX: { single_upsert: 0, upsert_batch: 0, single_event: 1, event_batch: 3 },
    IDS: false,
    SKEW: 1.1,
  });
});

test.each([
  [{ RATE: 'fast' }, /RATE="fast": give a number/],
  [{ BATCH: '5001' }, /BATCH="5001": must be at most 5000/],
  [{ CONNECTIONS: '1.5' }, /CONNECTIONS="1\.5"/],
  [{ MIX: 'upserts=3' }, /MIX="upserts=3": "upserts=3" is not call=share; calls are single_upsert/],
  [{ MIX: 'event_batch=0' }, /no call has a share above 0/],
  [{ MIX: 'event_batch=-1' }, /is not call=share/],
  [{ IDS: 'yes' }, /IDS="yes": give 0 or 1/],
  [{ DUPLICATES: '0.1', IDS: '0' }, /DUPLICATES needs IDS=1/],
])('refuses %o, saying why', (env, message) => {
  const parse = () => loadOptions(env);
  expect(parse).toThrow(message);
  expect(parse).toThrow(LoadError);
});

test('names every faulty option at once, and where the list is', () => {
  expect(() => loadOptions({ RATE: '-1', DURATION: '0' })).toThrow(/HELP=1[\s\S]*RATE[\s\S]*DURATION/);
});

test('the help names every option with its default', () => {
  const text = helpLines(loadSchema).join('\n');
  for (const name of Object.keys(loadSchema.shape)) expect(text).toContain(`  ${name}=`);
  expect(text).toMatch(/BATCH=500 +items in a batch request/);
  expect(text).toMatch(/IDS=1 /);
});

test('shares are of items: a batch of 100 is made a hundredth as often', () => {
  const mix = parseMix('single_event=50,event_batch=50');
  if (typeof mix === 'string') throw new Error(mix);
  expect(requestWeights(mix, 100)).toEqual({ single_upsert: 0, upsert_batch: 0, single_event: 50, event_batch: 0.5 });
});
