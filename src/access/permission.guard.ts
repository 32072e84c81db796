import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { OWN_ACCOUNT, policyOf } from '../platform/http/policy.js';
import { PermissionDenied, ScopeInsufficient } from '../platform/http/problems.js';
import { Denials } from './denials.js';

/** Lets through whoever holds what the route requires; a route without a policy lets nobody through. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly denials: Denials) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const policy = policyOf(context.getHandler());
    if (policy?.kind === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { principal } = request;
    if (!policy || !principal) throw new PermissionDenied();
    const needed = policy.kind === 'authenticated' ? [OWN_ACCOUNT] : policy.permissions;
    for (const scope of needed) if (principal.withheld.has(scope)) throw outOfScope(scope);
    if (policy.kind === 'authenticated') return true;
    const missing = policy.permissions.find((permission) => !principal.permissions.has(permission));
    return missing === undefined || this.refuse(request, principal.userId, missing);
  }

  private async refuse(request: FastifyRequest, userId: string, permission: string): Promise<never> {
    const { method, routeOptions } = request;
    await this.denials.note({ userId, permission, method, route: routeOptions.url ?? 'unknown' });
    throw new PermissionDenied(`This needs the permission ${permission}`);
  }
}

/** With the scope that would do (RFC 6750, 3.1). */
function outOfScope(scope: string): ScopeInsufficient {
  return new ScopeInsufficient(`This key lacks the scope ${scope}`).withHeader(
    'WWW-Authenticate',
    `Bearer realm="roster", error="insufficient_scope", error_description="The key lacks a scope", scope="${scope}"`,
  );
}
