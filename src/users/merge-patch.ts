type Members = Readonly<Record<string, unknown>>;

/** Applies a merge patch to an object (RFC 7396, 2): objects are merged to any depth, null removes a member, all else replaces. */
export function mergePatch(target: object, patch: object): object {
  const merged = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch as Members)) {
    if (value === null) merged.delete(name);
    else merged.set(name, isObject(value) ? mergePatch(objectAt(merged, name), value) : value);
  }
  return Object.fromEntries(merged);
}

function objectAt(members: ReadonlyMap<string, unknown>, name: string): object {
  const present = members.get(name);
  return isObject(present) ? present : {};
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
