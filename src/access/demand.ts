import { OWN_ACCOUNT } from '../platform/http/policy.js';
import type { Principal } from '../platform/http/principal.js';
import { PermissionDenied, ScopeInsufficient } from '../platform/http/problems.js';

/**
 * @param needed permissions; `me` is for whatever only wants somebody who is signed in
 * @throws ScopeInsufficient, PermissionDenied unless whoever asks may, by all of these
 */
export function demand({ permissions, withheld }: Principal, needed: readonly string[]): void {
  for (const scope of needed) if (withheld.has(scope)) throw outOfScope(scope);
  const missing = needed.find((permission) => permission !== OWN_ACCOUNT && !permissions.has(permission));
  if (missing !== undefined) throw new PermissionDenied(`This needs the permission ${missing}`).lacking(missing);
}

/** With the scope that would do (RFC 6750, 3.1). */
function outOfScope(scope: string): ScopeInsufficient {
  const challenge = `Bearer realm="roster", error="insufficient_scope", error_description="The key lacks a scope", scope="${scope}"`;
  return new ScopeInsufficient(`This key lacks the scope ${scope}`)
    .lacking(scope)
    .withHeader('WWW-Authenticate', challenge);
}
