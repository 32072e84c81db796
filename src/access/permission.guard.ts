import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { policyOf } from '../platform/http/policy.js';
import { PermissionDenied } from '../platform/http/problems.js';

/** Lets through whoever holds what the route requires; a route without a policy lets nobody through. */
@Injectable()
export class PermissionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const policy = policyOf(context.getHandler());
    if (policy?.kind === 'public') return true;
    const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!policy || !principal) throw new PermissionDenied();
    if (policy.kind === 'authenticated') return true;
    for (const permission of policy.permissions) {
      if (!principal.permissions.has(permission)) throw new PermissionDenied(`This needs the permission ${permission}`);
    }
    return true;
  }
}
