import { createServer } from 'node:http';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AbstractWsAdapter } from '@nestjs/websockets';
import type { FastifyInstance } from 'fastify';
import { Server } from 'socket.io';
import type { ServerOptions } from 'socket.io';

import { ServiceUnavailable } from '../platform/http/problems.js';
import { Closings } from './closings.js';
import { FAREWELL } from './connection.js';
import { Upgrades } from './upgrades.js';
import { answerNoPings } from './wire.js';

/**
 * Puts socket.io behind Fastify's server. It is given the upgrades that we admit and nothing else: requests stay with
 * Fastify, whose answers are problems, and which closes the sockets before it waits for its connections to end.
 */
@Injectable()
export class RealtimeAdapter extends AbstractWsAdapter {
  private leaving: Promise<void> | null = null;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly upgrades: Upgrades,
    private readonly closings: Closings,
  ) {
    super();
  }

  override create(_port: number, options: Partial<ServerOptions>): Server {
    // Never listens: socket.io would take all requests of the server that it is attached to through its own hands.
    const door = createServer();
    const server = new Server(door, options);
    answerNoPings(server);
    const adapter = this.host.httpAdapter;
    const fastify = adapter.getInstance<FastifyInstance>();
    (adapter.getHttpServer() as HttpServer).on('upgrade', (request: IncomingMessage, raw: Duplex, head: Buffer) => {
      this.upgrades.enter(request, raw);
      door.emit('upgrade', request, raw, head);
    });
    fastify.addHook('preClose', () => this.close(server));
    return server;
  }

  /** The gateway binds its messages itself (docs/decisions/0019-realtime.md). */
  override bindClientConnect(): void {
    // Nothing for each socket.
  }

  override bindMessageHandlers(): void {
    // There are none of Nest's.
  }

  /** Once, whoever asks first. */
  override close(server: Server): Promise<void> {
    this.leaving ??= this.leave(server);
    return this.leaving;
  }

  private async leave(server: Server): Promise<void> {
    this.upgrades.stop();
    this.closings.everybody(new ServiceUnavailable('The server is stopping'));
    await this.upgrades.clear(FAREWELL);
    await server.close();
  }
}
