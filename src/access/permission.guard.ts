import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { OWN_ACCOUNT, policyOf } from '../platform/http/policy.js';
import { PermissionDenied, ScopeInsufficient } from '../platform/http/problems.js';

/** Lets through whoever holds what the route requires; a route without a policy lets nobody through. */
@Injectable()
export class PermissionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const policy = policyOf(context.getHandler());
    if (policy?.kind === 'public') return true;
    const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!policy || !principal) throw new PermissionDenied();
    const needed = policy.kind === 'authenticated' ? [OWN_ACCOUNT] : policy.permissions;
    for (const scope of needed) if (principal.withheld.has(scope)) throw outOfScope(scope);
    if (policy.kind === 'authenticated') return true;
    const missing = policy.permissions.find((permission) => !principal.permissions.has(permission));
    if (missing === undefined) return true;
    throw new PermissionDenied(`This needs the permission ${missing}`).lacking(missing);
  }
}

/** With the scope that would do (RFC 6750, 3.1). */
function outOfScope(scope: string): ScopeInsufficient {
  const challenge = `Bearer realm="roster", error="insufficient_scope", error_description="The key lacks a scope", scope="${scope}"`;
  return new ScopeInsufficient(`This key lacks the scope ${scope}`)
    .lacking(scope)
    .withHeader('WWW-Authenticate', challenge);
}
