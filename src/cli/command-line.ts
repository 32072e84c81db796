import { parseArgs } from 'node:util';

import { OperatorFault } from '../platform/config/operator-fault.js';
import { Problem } from '../platform/contract/problem.js';
import type { Invocation } from './invocation.js';

type OptionName = keyof typeof OPTIONS;

interface Command {
  readonly about: string;
  /** What has to stand after its name: a file. */
  readonly operand?: string;
  readonly options?: readonly OptionName[];
  /** Loaded only when asked for: no command waits for what another needs. */
  readonly load: () => Promise<(invocation: Invocation) => Promise<number>>;
}

/** The faults of the caller, as shells count them. */
const MISUSED = 2;

const OPTIONS = {
  help: { type: 'boolean', about: 'Shows this' },
  json: { type: 'boolean', about: 'Answers with one line of JSON' },
  email: { type: 'string', about: "The administrator's e-mail address" },
  production: { type: 'boolean', about: 'Judges the settings as production would' },
  file: {
    type: 'string',
    about: 'The file: an export to verify offline; or where users are exported to (else stdout)',
  },
  key: { type: 'string', about: 'The public key of checkpoints, as `audit verify --json` shows it; several by commas' },
  'from-seq': { type: 'string', about: 'The first entry that has to be in the export (1)' },
  'expect-seq': { type: 'string', about: 'The last entry that has to be in the export' },
  'on-conflict': { type: 'string', about: 'Whoever is there already: skip (default), update or fail' },
  'dry-run': { type: 'boolean', about: 'Only finds out what would become of each row' },
  format: {
    type: 'string',
    about: 'Whose file: auto, roster, auth0, keycloak, supabase, firebase; to export: csv, ndjson',
  },
  firebase: { type: 'string', about: "A file with the project's hash_config, for password hashes of Firebase" },
  filter: { type: 'string', about: 'Which users, as the filter of GET /users' },
  logical: {
    type: 'boolean',
    about: 'Copies row by row also where there is a pg_dump: for a server of another version',
  },
  'show-credentials': { type: 'boolean', about: 'Shows password and token also where there is no terminal' },
} as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    about: 'Runs everything; so does `npm start`',
    options: ['show-credentials'],
    load: async () => (await import('./serve.js')).serve,
  },
  'migrate up': {
    about: 'Brings the database to the newest migration',
    load: async () => (await import('./migrate.js')).migrateToNewest,
  },
  'migrate status': {
    about: 'Lists the migrations; exits 1 if one has not run',
    load: async () => (await import('./migrate.js')).showMigrations,
  },
  'admin create': {
    about: 'Makes an administrator with a one-time password',
    options: ['email'],
    load: async () => (await import('./admin.js')).createAdministrator,
  },
  'admin reset': {
    about: 'Gives an administrator a new one-time password',
    options: ['email'],
    load: async () => (await import('./admin.js')).resetAdministrator,
  },
  'keys rotate': {
    about: 'Signs with the next key from now on',
    load: async () => (await import('./keys.js')).rotateKeys,
  },
  'audit verify': {
    about: 'Verifies the audit log, or an export of it; exits 1 if anything was changed',
    options: ['file', 'key', 'from-seq', 'expect-seq'],
    load: async () => (await import('./audit.js')).verifyAudit,
  },
  'users import': {
    about: 'Takes users over from a file; exits 1 if a row could not be taken over',
    operand: 'FILE',
    options: ['on-conflict', 'dry-run', 'format', 'firebase'],
    load: async () => (await import('./users.js')).importUsers,
  },
  'users export': {
    about: 'Writes users to stdout, or to a file',
    options: ['format', 'filter', 'file'],
    load: async () => (await import('./users.js')).exportUsers,
  },
  backup: {
    about: 'Writes everything into a new file, while Roster runs; SECRET_KEY is not in it',
    operand: 'FILE',
    options: ['logical'],
    load: async () => (await import('./backup.js')).backUp,
  },
  restore: {
    about: 'Fills an empty database from the file of a backup',
    operand: 'FILE',
    load: async () => (await import('./restore.js')).restoreFile,
  },
  move: {
    about: 'Copies the embedded database to a server; Roster has to be stopped',
    operand: 'DATABASE_URL',
    load: async () => (await import('./move.js')).moveToServer,
  },
  doctor: {
    about: 'Examines settings, secrets, ports, the database and its clock; exits 1 if anything is at fault',
    options: ['production'],
    load: async () => (await import('./doctor.js')).examine,
  },
  token: {
    about: 'Gives an access token of ten minutes, for developing',
    options: ['email'],
    load: async () => (await import('./token.js')).giveToken,
  },
};

/** Does what the command line says. @returns the exit code: 0, 1 if it failed, 2 if it was not understood */
export async function run(parameters: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...parameters], options: OPTIONS, allowPositionals: true });
    const { name, operand } = calledBy(positionals);
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (values.help) return say(command && positionals.length > 0 ? helpOf(name, command) : help());
    if (!command) return misused(`There is no command "${name}".\n\n${help()}`);
    const strange = Object.keys(values).find((option) => !optionsOf(command).includes(option as OptionName));
    if (strange) return misused(`"${name}" has no option --${strange}.\n\n${helpOf(name, command)}`);
    if (command.operand && !operand)
      return misused(`"${name}" needs a ${command.operand}.\n\n${helpOf(name, command)}`);
    const perform = await command.load();
    return await perform(invocation(values, operand));
  } catch (error) {
    if (isMisuse(error)) return misused(`${error.message}\n\n${help()}`);
    process.stderr.write(`${explain(error)}\n`);
    return 1;
  }
}

/** The command, and what stands after its name where it takes that. */
function calledBy(positionals: readonly string[]): { name: string; operand: string } {
  const all = positionals.join(' ') || 'serve';
  const before = positionals.slice(0, -1).join(' ');
  const takes = !Object.hasOwn(COMMANDS, all) && Object.hasOwn(COMMANDS, before) && COMMANDS[before]!.operand;
  return takes ? { name: before, operand: positionals.at(-1)! } : { name: all, operand: '' };
}

type Given = {
  readonly [Name in OptionName]?: (typeof OPTIONS)[Name]['type'] extends 'boolean' ? boolean : string;
};

function invocation(values: Given, operand: string): Invocation {
  const { json = false, email = null, production = false, 'show-credentials': showCredentials = false } = values;
  const { file = null, key = null, 'from-seq': fromSeq = null, 'expect-seq': expectSeq = null } = values;
  const { 'on-conflict': onConflict = null, 'dry-run': dryRun = false, format = null } = values;
  const { firebase = null, filter = null, logical = false } = values;
  return {
    ...{ json, email, production, showCredentials },
    ...{ file, key, fromSeq, expectSeq },
    ...{ operand, onConflict, dryRun, format, firebase, filter, logical },
    answer: (text, object) => say(json ? JSON.stringify(object) : text),
  };
}

function say(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

function misused(text: string): number {
  process.stderr.write(`${text}\n`);
  return MISUSED;
}

function isMisuse(error: unknown): error is Error {
  return error instanceof Error && ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') ?? false);
}

/** In the operator's words where the operator can mend it; anything else is a bug, and needs its stack. */
function explain(error: unknown): string {
  if (error instanceof OperatorFault) return error.message;
  if (!(error instanceof Problem)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  const faults = error.faults?.map(({ pointer = '', detail }) => `${pointer.slice(1)} ${detail}`.trim());
  return faults?.join('\n') || error.message;
}

function optionsOf({ options = [] }: Command): OptionName[] {
  return ['help', 'json', ...options];
}

function help(): string {
  const lines = Object.entries(COMMANDS).map(
    ([name, { about, operand = '' }]) => `  ${`${name} ${operand}`.padEnd(20)}${about}`,
  );
  return `npm run roster -- <command> [options]\n\n${lines.join('\n')}\n\nEach has --help and --json.`;
}

function helpOf(name: string, command: Command): string {
  const lines = optionsOf(command).map((option) => {
    const { type, about } = OPTIONS[option];
    return `  ${`--${option}${type === 'string' ? ' <text>' : ''}`.padEnd(20)}${about}`;
  });
  const operand = command.operand ? ` ${command.operand}` : '';
  return `npm run roster -- ${name}${operand} [options]\n\n${command.about}.\n\n${lines.join('\n')}`;
}
