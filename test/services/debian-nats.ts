import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

import { freePort } from '../harness/free-port.js';

const PROGRAM = '/usr/sbin/nats-server';
const PATIENCE = 30_000;

/** NATS with JetStream as Debian ships it, on a port of its own; an absent one is a failure, never a skip. */
export class DebianNats {
  private child: ChildProcess | null = null;
  private readonly folder = mkdtempSync(join(tmpdir(), 'roster-nats-'));

  private constructor(
    private readonly port: number,
    private readonly token: string,
  ) {}

  static async start(token = ''): Promise<DebianNats> {
    const nats = await DebianNats.away(token);
    await nats.run();
    return nats;
  }

  /** One that will be there once `run()` is called. */
  static async away(token = ''): Promise<DebianNats> {
    if (!existsSync(PROGRAM)) throw new Error(`Debian's NATS is not installed at ${PROGRAM}: .ci/run installs it`);
    return new DebianNats(await freePort(), token);
  }

  get url(): string {
    return `nats://${this.token ? `${this.token}@` : ''}127.0.0.1:${this.port}`;
  }

  /** Starts it, also again after `kill()`: on the same port, with what it stored. */
  async run(): Promise<void> {
    const parameters = ['-js', '-sd', this.folder, '-a', '127.0.0.1', '-p', String(this.port)];
    this.child = spawn(PROGRAM, [...parameters, ...(this.token ? ['--auth', this.token] : [])], { stdio: 'ignore' });
    const until = performance.now() + PATIENCE;
    while (!(await answers(this.port))) {
      if (performance.now() > until) throw new Error('NATS did not start');
      await pause(20);
    }
  }

  /** A connection of somebody else. */
  connect(): Promise<NatsConnection> {
    const servers = [`127.0.0.1:${this.port}`];
    return connect({ servers, ...(this.token ? { token: this.token } : {}), maxReconnectAttempts: -1 });
  }

  /** At once, in the middle of whatever it does. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** For good: what it stored is gone. */
  async stop(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
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

/** It greets whoever comes: then JetStream is there as well. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1');
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('data', (greeting: Buffer) => {
      resolve(greeting.toString().startsWith('INFO'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
