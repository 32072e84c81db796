// What docs/style.md says and a machine can see. Every exception stands here with its reason: comments that silence
// a rule in passing are switched off. test/architecture/lint.spec.ts plants a wrong line for each rule of the house.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** A rule of one sentence: whatever `selector` matches is wrong, unless `unless(node, source)`. */
function ban(message, selector, unless = () => false) {
  return {
    meta: { type: 'problem', schema: [], messages: { house: message } },
    create: (context) => ({
      [selector]: (node) => {
        if (!unless(node, context.sourceCode)) context.report({ node, messageId: 'house' });
      },
    }),
  };
}

const explained = (node, source) => source.getCommentsInside(node).length > 0;

/** Everyone has these at hand; they do not count against a constructor. */
const AT_HAND = ['Database', 'Clock', 'Config', 'Events'];
const typeOf = (parameter) => (parameter.parameter ?? parameter).typeAnnotation?.typeAnnotation?.typeName?.name;

/** node, packages, ../, ./ */
const distance = ({ source: { value } }) =>
  value.startsWith('node:') ? 0 : value.startsWith('./') ? 3 : value.startsWith('.') ? 2 : 1;

const house = {
  rules: {
    settings: ban(
      'Settings come from platform/config; nothing else reads the environment.',
      'MemberExpression[object.name="process"][property.name="env"], ' +
        'ImportDeclaration[source.value=/^(node:)?process$/] ImportSpecifier[imported.name="env"]',
    ),
    clock: ban(
      'The time of day comes from outside: clock.now(). Durations and deadlines are measured by performance.now().',
      'NewExpression[callee.name="Date"][arguments.length=0], CallExpression[callee.name="Date"], ' +
        'CallExpression[callee.object.name="Date"][callee.property.name="now"]',
    ),
    chance: ban('Chance comes from platform/crypto.', 'MemberExpression[object.name="Math"][property.name="random"]'),
    injection: ban(
      'An injected repository escapes the transaction, and forwardRef hides a circle: ask Database, and mend the floors.',
      'ImportSpecifier[imported.name=/^(InjectRepository|InjectDataSource|InjectEntityManager|forwardRef)$/]',
    ),
    problems: ban(
      'Throw a problem of *.contract.ts: clients cannot parse prose.',
      'NewExpression[callee.name=/Exception$/], ClassDeclaration[superClass.name=/Exception$/]',
    ),
    swallowed: ban(
      'A failure that nobody hears: act on it, or say in it why it may pass.',
      'CallExpression[callee.property.name="catch"] > :function:matches([body.body.length=0], ' +
        '[body.type="Identifier"][body.name="undefined"], [body.raw="null"], [body.operator="void"])',
      explained,
    ),
    'one-query-at-a-time': ban(
      'A transaction has one connection: queries go one after another.',
      'CallExpression[callee.property.name="transaction"] CallExpression[callee.object.name="Promise"]' +
        '[callee.property.name=/^(all|allSettled|race|any)$/]',
    ),
    names: ban(
      'Say what it does: no handle, process, manage, do, Helper, Util, Manager; and no class before its second child.',
      ':matches(MethodDefinition, FunctionDeclaration) > Identifier:matches([name=/^(handle|process|manage|do)([A-Z]|$)/]), ' +
        'ClassDeclaration > Identifier.id[name=/^(Base|Abstract)[A-Z]|(Helper|Utils?|Manager|Handler|Processor|Mapper)$/]',
      // A framework's own word, answered to.
      (node) => node.parent.override === true,
    ),
    'constructor-size': ban(
      'More than five parameters beside Database, Clock, Config and Events: split by deed.',
      'MethodDefinition[kind="constructor"]',
      (node) => node.value.params.filter((parameter) => !AT_HAND.includes(typeOf(parameter))).length <= 5,
    ),
    parameters: ban(
      'More than five parameters: give them a name together.',
      ':function[params.length>5]',
      // Constructors have their own measure; decorated parameters are the words of a request.
      (node) =>
        node.parent.kind === 'constructor' || node.params.filter(({ decorators }) => !decorators?.length).length <= 5,
    ),
    'import-order': {
      meta: { type: 'layout', schema: [], messages: { house: 'Imports: node, packages, ../, ./ in this order.' } },
      create: (context) => ({
        Program: ({ body }) => {
          const imports = body.filter(({ type }) => type === 'ImportDeclaration');
          imports
            .filter((node, place) => place > 0 && distance(node) < distance(imports[place - 1]))
            .forEach((node) => context.report({ node, messageId: 'house' }));
        },
      }),
    },
    'whole-suite': ban(
      'Every test runs: no only, no skip, no todo.',
      'MemberExpression[object.name=/^(describe|it|test)$/][property.name=/^(only|skip|todo|failing)$/], ' +
        'CallExpression[callee.name=/^([fx](describe|it)|xtest)$/]',
    ),
  },
};

const SPECS = ['**/*.spec.ts', '**/*.int-spec.ts', '**/*.e2e-spec.ts'];

export default tseslint.config(
  // Made by tools: what they write has checks of its own (docs/decisions/0010 for the SDK).
  { ignores: ['node_modules/', 'dist/', 'data/', 'docs/', 'sdk/src/generated/', 'sdk/dist/', 'console/'] },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    plugins: { house },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      // Grammars of RFCs name control characters, to refuse them.
      'no-control-regex': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'house/import-order': 'error',
      'house/swallowed': 'error',
    },
  },
  {
    // The settings of tools run in Node and belong to no TypeScript project.
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { process: 'readonly', URL: 'readonly', console: 'readonly' } },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `typeof import(…)` is the type of what is loaded later, on purpose.
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'house/settings': 'error',
      'house/clock': 'error',
      'house/chance': 'error',
      'house/injection': 'error',
      'house/problems': 'error',
      'house/one-query-at-a-time': 'error',
      'house/names': 'error',
      'house/constructor-size': 'error',
      'house/parameters': 'error',
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 40],
      'no-restricted-imports': [
        'error',
        { name: 'typeorm', message: 'TypeORM stays in repositories, entities and platform/database.' },
      ],
    },
  },
  {
    files: ['src/**/*.repository.ts', 'src/**/*.entity.ts', 'src/platform/database/**', 'src/entities.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  { files: ['src/platform/config/**'], rules: { 'house/settings': 'off' } },
  {
    // Where time and chance come in, and the places that measure or wait in real time, whatever a test's clock says:
    // log lines, durations, the deadlines of sockets, child processes.
    files: ['clock', 'crypto', 'logging', 'telemetry', 'database'].map((folder) => `src/platform/${folder}/**`),
    rules: { 'house/clock': 'off' },
  },
  { files: ['src/platform/crypto/**'], rules: { 'house/chance': 'off' } },
  // The one place that turns problems into HTTP.
  { files: ['src/platform/http/**'], rules: { 'house/problems': 'off' } },
  {
    // The terminal, or the parent process, is what they write to.
    files: ['src/main.ts', 'src/cli/**', 'bench/**', 'examples/**', 'test/fixtures/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: SPECS,
    rules: {
      'house/clock': 'off',
      'house/chance': 'off',
      'max-lines-per-function': 'off',
      'no-restricted-imports': 'off',
    },
  },
  { files: [...SPECS, 'test/**'], rules: { 'house/whole-suite': 'error' } },
);
