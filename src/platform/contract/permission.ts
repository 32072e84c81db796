import { register } from './registry.js';

export interface Permission {
  readonly name: string;
  readonly about: string;
}

export const permissions = new Map<string, Permission>();

/** Promises a permission, named `<things>:<deed>`. The built-in role `admin` holds every one. */
export function definePermission(name: string, about: string): Permission {
  const permission = Object.freeze({ name, about });
  register('permission', permissions, name, permission);
  return permission;
}
