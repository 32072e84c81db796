import { readFileSync } from 'node:fs';

/** One configuration for every suite; the folder tells what a test may touch (docs/architecture.md). */
const { module, jsc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

export default {
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts', '**/*.int-spec.ts', '**/*.e2e-spec.ts'],
  // They need what Debian ships: `npm run test:services`.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/services/'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  // The compiler of the build, with its settings: what is tested is what runs.
  transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: false, sourceMaps: 'inline', module, jsc }] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // A CommonJS Nest library fails with "Cannot require() ES Module in a cycle" unless these came first.
  setupFiles: ['<rootDir>/test/harness/nest-first.ts'],
  globalSetup: '<rootDir>/test/harness/global-setup.js',
  globalTeardown: '<rootDir>/test/harness/global-teardown.js',
  reporters: ['default', '<rootDir>/test/harness/tested-files.js'],
  testTimeout: 60_000,
  // Each suite leaves modules behind (vm contexts of ES modules are never freed): a worker that holds too much is replaced.
  testSequencer: '<rootDir>/test/harness/longest-first.js',
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
};
