import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Ground } from './ground.js';
import { ROSTER } from './peers.js';
import { median } from './rounds.js';
import { startServer } from './server.js';

const TIMES = 5;

/** Milliseconds, medians. */
export interface Start {
  /** From the start of the process to its word that it listens; the database runs and is migrated. */
  readonly listening: number;
  /** The same process that only imports the application's modules. */
  readonly imports: number;
}

export async function measureStart(root: string, ground: Ground): Promise<Start> {
  const roster = ROSTER.command(root, '', ground)!;
  const everything = pathToFileURL(join(root, 'dist', 'src', 'cli', 'serve.js')).href;
  const bare = {
    arguments: [
      '--max-semi-space-size=16',
      '--max-old-space-size=384',
      '--input-type=module',
      '--eval',
      `await import('${everything}');
      console.log('{"ready":true,"urls":{"api":""}}'); setInterval(() => undefined, 60_000);`,
    ],
    environment: roster.environment,
  };
  const took = { roster: [] as number[], bare: [] as number[] };
  for (let time = 0; time < TIMES; time += 1) {
    took.roster.push(await startAndStop(roster));
    took.bare.push(await startAndStop(bare));
  }
  return { listening: Math.round(median(took.roster)), imports: Math.round(median(took.bare)) };
}

async function startAndStop(command: Parameters<typeof startServer>[0]): Promise<number> {
  const server = await startServer(command);
  await server.stop();
  return server.startedIn;
}

/** How many packages a production install brings, the application itself not counted. */
export function productionPackages(root: string): number {
  const text = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root, encoding: 'utf8' });
  return new Set(text.trimEnd().split('\n')).size - 1;
}
