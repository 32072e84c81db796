import type { FieldFault } from '../platform/contract/problem.js';
import { refusal } from '../platform/http/validation.pipe.js';
import { mergePatch } from './merge-patch.js';
import { METADATA_BYTES } from './user.entity.js';
import type { Profile, User } from './user.entity.js';

export function pick(user: User, members: readonly string[]): object {
  return Object.fromEntries(members.map((name) => [name, user[name as keyof Profile]]));
}

/** The change with its metadata merged into the present ones. @throws ValidationFailed if they outgrow their bound */
export function merged(user: User, change: Partial<Profile>): Partial<Profile> {
  const whole: Partial<Profile> = { ...change };
  const faults: FieldFault[] = [];
  for (const member of ['metadata', 'appMetadata'] as const) {
    const patch = change[member];
    if (patch === undefined) continue;
    const result = mergePatch(user[member], patch);
    whole[member] = result;
    if (Buffer.byteLength(JSON.stringify(result)) > METADATA_BYTES)
      faults.push({
        pointer: `/${member}`,
        code: 'too_large',
        detail: `would take more than ${METADATA_BYTES} bytes as JSON`,
      });
  }
  if (faults.length > 0) throw refusal(faults);
  return whole;
}
