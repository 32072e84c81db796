import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { OWN_ACCOUNT, policyOf } from '../platform/http/policy.js';
import { PermissionDenied } from '../platform/http/problems.js';
import { demand } from './demand.js';

/** Lets through whoever holds what the route requires; a route without a policy lets nobody through. */
@Injectable()
export class PermissionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const policy = policyOf(context.getHandler());
    if (policy?.kind === 'public') return true;
    const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!policy || !principal) throw new PermissionDenied();
    demand(principal, policy.kind === 'authenticated' ? [OWN_ACCOUNT] : policy.permissions);
    return true;
  }
}
