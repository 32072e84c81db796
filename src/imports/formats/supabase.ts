import { flagAt, given, jsonAt, localPartOf, phoneOf, textAt } from './format.js';
import type { Format, Members } from './format.js';

/** Supabase: its table `auth.users` as CSV. */
export const SUPABASE: Format = {
  name: 'supabase',
  hasColumns: (columns) =>
    columns.includes('email') &&
    ['encrypted_password', 'raw_user_meta_data', 'instance_id'].some((name) => columns.includes(name)),
  hasObject: (first) => 'encrypted_password' in first,
  map: (row, { now }) => {
    const deletedAt = textAt(row, 'deleted_at');
    if (deletedAt !== undefined)
      return { fault: { pointer: '', code: 'deleted_there', detail: 'was deleted where they come from' } };
    const email = textAt(row, 'email');
    const metadata = jsonAt(row, 'raw_user_meta_data');
    const profile = (typeof metadata === 'object' ? metadata : null) as Members | null;
    const confirmed = textAt(row, 'email_confirmed_at') ?? textAt(row, 'confirmed_at');
    return {
      user: given({
        email,
        emailVerified: confirmed !== undefined || flagAt(row, 'email_confirmed') === true,
        name: profile ? (textAt(profile, 'full_name') ?? textAt(profile, 'name')) : undefined,
        phone: phoneOf(textAt(row, 'phone')),
        externalId: textAt(row, 'id'),
        metadata: metadata ?? undefined,
        appMetadata: jsonAt(row, 'raw_app_meta_data') ?? undefined,
        status: isBanned(textAt(row, 'banned_until'), now) ? 'suspended' : undefined,
        passwordHash: textAt(row, 'encrypted_password'),
      }),
      fallbackName: localPartOf(email),
    };
  },
};

/** What cannot be read as a moment bans for good. */
function isBanned(until: string | undefined, now: Date): boolean {
  return until !== undefined && !(Date.parse(until.replace(/([+-]\d\d)$/, '$1:00')) <= now.getTime());
}
