import { parseArgs } from 'node:util';

export const JOBS = ['hello', 'read', 'list', 'create', 'sign-in', 'refresh'] as const;
export type Job = (typeof JOBS)[number];

export interface Options {
  readonly rows: number;
  readonly connections: readonly number[];
  /** Names of peers; all that are there when it is empty. */
  readonly peers: readonly string[];
  readonly jobs: readonly Job[];
  readonly rounds: number;
  readonly seconds: number;
  readonly install: boolean;
  /** Lists over 1,000,000 users against 100,000, in place of the peers. */
  readonly lists: boolean;
  /** How many background jobs a process does, in place of the peers. */
  readonly background: boolean;
  /** What the record of facts adds to a write, in place of the peers. */
  readonly facts: boolean;
  /** How fast files of users are taken over, in place of the peers. */
  readonly imports: boolean;
  /** Whether times tell who has an account, in place of the peers. */
  readonly timing: boolean;
  /** What sockets weigh, and how soon they are told, in place of the peers. */
  readonly realtime: boolean;
}

export const HELP = `npm run bench -- [options]        every peer on one PostgreSQL, in turns
npm run bench -- lists            a list page over 1,000,000 users against 100,000
npm run bench -- jobs             background jobs that one process does in a second
npm run bench -- facts            CPU that the fact of a change, and its turn, add to a write
npm run bench -- realtime         what idle sockets weigh, and from commit to receipt on a socket of another process
npm run bench -- imports          a file of a million users with password hashes (or as many as --rows says)
npm run prove:timing              whether the time of an answer tells who has an account

  --install              fetches the peers in Python and Go with apt, and wrk
  --rows <n>             users in the table, 10000 or more (100000)
  --connections <n,…>    of the load at once (32)
  --peers <name,…>       only these
  --jobs <name,…>        only these of ${JOBS.join(', ')}
  --rounds <n>           of each job (3)
  --seconds <n>          of each round (3)
  --full                 1, 32 and 128 connections, five rounds of five seconds`;

/** The sessions and passwords of the bench are those of every so-manieth user: fewer users have none. */
const LEAST_ROWS = 10_000;

/** @throws TypeError for options that nobody knows */
export function readOptions(parameters: readonly string[]): Options | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args: [...parameters],
    allowPositionals: true,
    options: {
      help: flag,
      install: flag,
      full: flag,
      ...{ rows: text, connections: text, peers: text, jobs: text, rounds: text, seconds: text },
    },
  });
  if (values.help) return 'help';
  const { full } = values;
  return {
    rows: whole(values.rows, positionals.includes('imports') ? 1_000_000 : 100_000, LEAST_ROWS),
    connections: list(values.connections)
      .map(Number)
      .concat(values.connections ? [] : full ? [1, 32, 128] : [32]),
    peers: list(values.peers),
    jobs: JOBS.filter((job) => !values.jobs || list(values.jobs).includes(job)),
    rounds: whole(values.rounds, full ? 5 : 3),
    seconds: whole(values.seconds, full ? 5 : 3),
    install: values.install,
    lists: positionals.includes('lists'),
    background: positionals.includes('jobs'),
    imports: positionals.includes('imports'),
    facts: positionals.includes('facts'),
    timing: positionals.includes('timing'),
    realtime: positionals.includes('realtime'),
  };
}

function list(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',');
}

function whole(text: string | undefined, usual: number, least = 1): number {
  const number = Number(text ?? usual);
  if (!Number.isInteger(number) || number < least)
    throw new TypeError(`${text} is no whole number of ${least} or more`);
  return number;
}
