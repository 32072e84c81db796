import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { freePort } from '../harness/free-port.js';

const PROGRAM = '/usr/bin/redis-server';
const PATIENCE = 30_000;

/** Redis as Debian ships it, on a port of its own, keeping nothing; an absent one is a failure, never a skip. */
export class DebianRedis {
  private child: ChildProcess | null = null;

  private constructor(
    private readonly port: number,
    private readonly password: string,
  ) {}

  static async start(password: string): Promise<DebianRedis> {
    if (!existsSync(PROGRAM)) throw new Error(`Debian's Redis is not installed at ${PROGRAM}: .ci/run installs it`);
    const redis = new DebianRedis(await freePort(), password);
    await redis.run();
    return redis;
  }

  get url(): string {
    return `redis://:${this.password}@127.0.0.1:${this.port}/0`;
  }

  /** Starts it, also again after `kill()`: empty, on the same port. */
  async run(): Promise<void> {
    const parameters = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.child = spawn(PROGRAM, [...parameters, '--requirepass', this.password], { stdio: 'ignore' });
    const until = performance.now() + PATIENCE;
    while (!(await answers(this.port))) {
      if (performance.now() > until) throw new Error('Redis did not start');
      await pause(20);
    }
  }

  /** At once, in the middle of whatever it does. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Answers nobody, and closes no connection, until `thaw()`. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => resolve(false));
    socket.once('close', (failed) => resolve(!failed));
  });
}
