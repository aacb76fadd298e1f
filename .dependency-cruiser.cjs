/** The arrows between our packages (docs: how the house is built). Each rule says what would go wrong without it. */
const OWN = '^(packages|services|queues)/';
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: OWN, pathNot: [from, ...allowed] },
});

module.exports = {
  forbidden: [
    only('domain-stands-alone', '^packages/domain/', [], 'The rules are pure: they import nothing of ours.'),
    only('runtime-stands-alone', '^packages/runtime/', [], 'Configuration, logging and the like know nothing of contacts.'),
    only(
      'csv-knows-the-domain',
      '^packages/csv/',
      ['^packages/domain/'],
      'Reading files is pure: bytes in, contacts out; no store, no configuration.',
    ),
    ...['postgres', 'clickhouse'].map((store) =>
      only(
        `${store}-knows-the-domain`,
        `^packages/${store}/`,
        ['^packages/(domain|runtime)/'],
        'A store knows rows, not the other store or queues.',
      ),
    ),
    only(
      'segments-know-the-domain',
      '^packages/segments/',
      ['^packages/(domain|runtime|clickhouse|postgres)/'],
      'Trees and plans, no queues or services.',
    ),
    only('queues-know-the-domain', '^queues/', ['^packages/(domain|runtime)/'], 'A payload is made of domain types; it knows no store.'),
    only(
      'embedded-runs-processes',
      '^packages/embedded/',
      ['^packages/runtime/'],
      'The local stack starts services as processes, as a person would.',
    ),
    only('import-client-through-http', '^packages/import-client/', [], 'It runs on any machine, and sees the system as any client does.'),
    {
      name: 'loadtest-through-http',
      comment: 'Producers see the system as any producer does; only what recounts, or measures the stores alone, opens a store.',
      severity: 'error',
      from: { path: '^packages/loadtest/', pathNot: '^packages/loadtest/src/(bench|chaos|soak)/' },
      to: { path: OWN, pathNot: '^packages/(loadtest|runtime|domain|embedded)/' },
    },
    only(
      'measuring-opens-stores',
      '^packages/loadtest/src/(bench|chaos|soak)/',
      ['^packages/(loadtest|runtime|domain|embedded|import-client|postgres|clickhouse)/'],
      'Bench, chaos and soak look into the stores; never into queues or services.',
    ),
    {
      name: 'packages-below-services',
      comment: 'A package that knew a service could not be used by another.',
      severity: 'error',
      from: { path: '^(packages|queues)/' },
      to: { path: '^services/' },
    },
    {
      name: 'services-apart',
      comment: 'Services meet in the queues and the stores, never in code: each is deployed alone.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'tests-only',
      comment: 'The local stack is for development and tests.',
      severity: 'error',
      from: { path: '^(services|packages/(?!embedded|loadtest)|queues/)', pathNot: '\\.test\\.ts$|/testing?/|/testing\\.ts$|/fixtures/' },
      to: { path: '^packages/(embedded|loadtest)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Of two modules that import each other neither can be understood first.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nobody imports and that imports nothing is forgotten.',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.test\\.ts$', '/fixtures/', '(^|/)main\\.ts$'] },
      to: {},
    },
    { name: 'resolvable', comment: 'An import that cannot be resolved.', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared',
      comment: 'A package that is used but not in package.json is there by luck.',
      severity: 'error',
      from: { pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|coverage|\\.muster[^/]*)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json'],
    },
  },
};
