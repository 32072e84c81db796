import { PrivilegeCeiling } from '../../access/index.js';
import { permissions } from '../../platform/contract/permission.js';
import { OWN_ACCOUNT } from '../../platform/http/policy.js';
import type { Principal } from '../../platform/http/principal.js';
import { Impersonate } from '../auth.contract.js';
import { ScopeUnknown } from './api-keys.contract.js';

/**
 * @param userId whom the key acts for
 * @throws ScopeUnknown, and PrivilegeCeiling for what the maker of a key does not hold: another's account is open only to
 *   whoever may act in their place
 */
export function refuseScopesBeyond(maker: Principal, userId: string, scopes: readonly string[]): void {
  const unknown = scopes.filter((scope) => scope !== OWN_ACCOUNT && !permissions.has(scope));
  if (unknown.length > 0)
    throw new ScopeUnknown(`There is no scope ${unknown.map((scope) => `"${scope}"`).join(', ')}`, [
      { pointer: '/scopes', code: 'scope_unknown', detail: 'names a scope that does not exist' },
    ]);
  const needed = (scope: string): string => (scope === OWN_ACCOUNT ? Impersonate.name : scope);
  const wanted = userId === maker.userId ? scopes.filter((scope) => scope !== OWN_ACCOUNT) : scopes;
  if (wanted.some((scope) => !maker.permissions.has(needed(scope)))) throw new PrivilegeCeiling();
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
