import { PrivilegeCeiling } from '../../access/index.js';
import { permissions } from '../../platform/contract/permission.js';
import { OWN_ACCOUNT } from '../../platform/http/policy.js';
import type { Principal } from '../../platform/http/principal.js';
import { ScopeUnknown } from './api-keys.contract.js';

/** @throws ScopeUnknown, and PrivilegeCeiling for what the maker of a key does not hold */
export function refuseScopesBeyond(maker: Principal, scopes: readonly string[]): void {
  const unknown = scopes.filter((scope) => scope !== OWN_ACCOUNT && !permissions.has(scope));
  if (unknown.length > 0)
    throw new ScopeUnknown(`There is no scope ${unknown.map((scope) => `"${scope}"`).join(', ')}`, [
      { pointer: '/scopes', code: 'scope_unknown', detail: 'names a scope that does not exist' },
    ]);
  if (scopes.some((scope) => scope !== OWN_ACCOUNT && !maker.permissions.has(scope))) throw new PrivilegeCeiling();
}

/** What a key may do, of what its user may; and what is kept from it, their own account included. */
export function narrowed(
  held: ReadonlySet<string>,
  scopes: readonly string[],
): Pick<Principal, 'permissions' | 'withheld'> {
  const all = [...held, OWN_ACCOUNT];
  return {
    permissions: new Set([...held].filter((permission) => scopes.includes(permission))),
    withheld: new Set(all.filter((scope) => !scopes.includes(scope))),
  };
}
