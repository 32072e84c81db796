// The floors of docs/architecture.md as rules. Change the picture there and here in one commit;
// test/architecture/floors.spec.ts plants a wrong import for every rule and sees it caught.

/** Lowest first. A module may import every floor below its own; beside it only the arrows. */
const FLOORS = [
  ['keys', 'events', 'jobs', 'mail'],
  ['access', 'sessions', 'passwords', 'users'],
  ['mfa', 'auth', 'oauth', 'federation'],
  ['audit', 'webhooks', 'realtime', 'broker', 'imports', 'privacy', 'scim', 'console', 'health'],
];

/** The only imports between neighbours of one floor. */
const ARROWS = {
  keys: ['events'],
  events: ['jobs'],
  mail: ['jobs'],
  users: ['access', 'sessions', 'passwords'],
  passwords: ['sessions'],
  oauth: ['auth'],
  auth: ['mfa'],
  federation: ['auth'],
};

/** Each may import those to its left. Split by folder, so its files are imported directly: there is no door. */
const PLATFORM = [
  'config',
  'clock',
  'concurrency',
  'crypto',
  'contract',
  'logging',
  'telemetry',
  'outgoing',
  'database',
  'cache',
  'http',
  'rate-limit',
  'pages',
];

const MODULES = FLOORS.flat();
/** The app floor: the files directly in src, and the command line. */
const APP = '^src/([^/]+\\.ts$|cli/)';
const SPEC = '\\.spec\\.ts$';

const inSrc = (names) => `^src/(${names.join('|')})/`;
const inPlatform = (names) => `^src/platform/(${names.join('|')})/`;
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const upward = FLOORS.slice(0, -1).map((floor, height) =>
  rule(
    `upward-from-floor-${height + 1}`,
    'Nothing points up. Let the upper module call down, or record a fact that it reads.',
    { path: inSrc(floor) },
    { path: inSrc(FLOORS.slice(height + 1).flat()) },
  ),
);

const sideways = FLOORS.flatMap((floor) =>
  floor
    .map((module) => [module, floor.filter((other) => other !== module && !ARROWS[module]?.includes(other))])
    .filter(([, closed]) => closed.length > 0)
    .map(([module, closed]) =>
      rule(
        `sideways-from-${module}`,
        'On its own floor a module reaches only along the arrows drawn in docs/architecture.md.',
        { path: inSrc([module]) },
        { path: inSrc(closed) },
      ),
    ),
);

const rightToLeft = PLATFORM.slice(0, -1).map((folder, place) =>
  rule(
    `platform-rightward-from-${folder}`,
    'A platform folder imports those to its left only.',
    { path: inPlatform([folder]) },
    { path: inPlatform(PLATFORM.slice(place + 1)) },
  ),
);

export default {
  forbidden: [
    ...upward,
    ...sideways,
    ...rightToLeft,
    rule('upward-from-platform', 'The platform knows no module.', { path: '^src/platform/' }, { path: inSrc(MODULES) }),
    rule(
      'app-is-known-by-none',
      'The app floor knows every door and is known by none.',
      { path: inSrc([...MODULES, 'platform']) },
      { path: [APP, '^ormconfig\\.ts$'] },
    ),
    rule(
      'folder-without-a-floor',
      'A new folder in src, or in src/platform, gets its place in docs/architecture.md and here first.',
      {},
      {
        path: '^src/[^/]+/',
        pathNot: [inSrc([...MODULES, 'cli']), inPlatform(PLATFORM)],
      },
    ),
    rule(
      'through-the-window',
      'Other modules are entered through their index.ts.',
      { path: '^src/([^/]+)' },
      { path: inSrc(MODULES), pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '\\.entity\\.ts$'] },
    ),
    rule(
      'own-door',
      'The room never imports its own door: import the file itself.',
      { path: '^src/([^/]+)/', pathNot: '^src/[^/]+/index\\.ts$' },
      { path: '^src/$1/index\\.ts$' },
    ),
    rule(
      'foreign-entity',
      "Only src/entities.ts and the tests import another module's entity; others hold its id.",
      { path: '^src/((platform/)?[^/]+)', pathNot: '^src/entities\\.ts$' },
      { path: '^src/.+\\.entity\\.ts$', pathNot: '^src/$1/' },
    ),
    rule(
      'controller-to-repository',
      'A controller asks its service.',
      { path: '\\.controller\\.ts$' },
      { path: '\\.repository\\.ts$' },
    ),
    rule(
      'repository-calls-up',
      'A repository answers questions; it calls neither services nor controllers.',
      { path: '\\.repository\\.ts$' },
      { path: '\\.(service|controller)\\.ts$' },
    ),
    rule('circle', 'No circles: two-way imports crash in ESM.', {}, { circular: true }),
    rule(
      'source-to-test',
      'What ships never imports what does not.',
      { path: '^src/', pathNot: SPEC },
      { path: ['^(test|bench|examples)/', SPEC] },
    ),
    rule(
      'example-stands-alone',
      'An example is a service of somebody else: it knows what Roster promises, and none of its code.',
      { path: '^examples/([^/]+)/' },
      { path: ['^(src|test|bench|migrations|sdk)/', '^examples/'], pathNot: '^examples/$1/' },
    ),
    rule(
      'migration-stands-alone',
      'A landed migration never changes, so it may not depend on code that does.',
      { path: '^migrations/' },
      { path: ['^(src|test|bench)/', '^ormconfig\\.ts$'] },
    ),
    rule('unresolvable', 'The imported file or package is not there.', {}, { couldNotResolve: true }),
    rule(
      'not-in-package-json',
      'A package is imported by who declares it, never because a neighbour brought it.',
      {},
      // Jest's documentation has its globals imported so; they are part of jest itself.
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], pathNot: '^node_modules/@jest/globals/' },
    ),
    rule(
      'development-package-in-source',
      'The container has no development packages.',
      { path: ['^src/', '^migrations/', '^ormconfig\\.ts$'], pathNot: SPEC },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|data|sdk/src/generated)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
