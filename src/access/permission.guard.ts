import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { OWN_ACCOUNT, policyOf } from '../platform/http/policy.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { Denials } from './denials.js';

/** Lets through whoever holds what the route requires; a route without a policy lets nobody through. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly denials: Denials) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const policy = policyOf(context.getHandler());
    if (policy?.kind === 'public') return true;
    const { principal, method, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!policy || !principal) throw new PermissionDenied();
    const needed = policy.kind === 'authenticated' ? [OWN_ACCOUNT] : policy.permissions;
    return this.denials.demand(principal, needed, { method, route: routeOptions.url ?? 'unknown' });
  }
}
