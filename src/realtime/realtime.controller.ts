import { Controller, Get, Req } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { Public } from '../platform/http/policy.js';
import { RouteNotFound } from '../platform/http/problems.js';
import { REALTIME_PATH, UpgradeRequired } from './realtime.contract.js';
import { Upgrades } from './upgrades.js';

/** Requests that did not become a socket are answered why, as any other. */
@ApiExcludeController()
@Controller(REALTIME_PATH)
export class RealtimeController {
  constructor(private readonly upgrades: Upgrades) {}

  /** Clients of socket.io write a slash at the end, which Nest does not put in a path. */
  @Get(['', '*'])
  @Public()
  refuse(@Req() { raw, url }: FastifyRequest): never {
    if (!/^\/realtime\/?(?:\?|$)/.test(url)) throw new RouteNotFound();
    throw this.upgrades.refusalOf(raw) ?? new UpgradeRequired();
  }
}
