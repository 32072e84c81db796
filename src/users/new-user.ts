import { newId } from '../platform/crypto/tokens.js';
import { normalEmail } from './normal-forms.js';
import { User } from './user.entity.js';
import type { Profile } from './user.entity.js';

export const EMPTY: Omit<Profile, 'email' | 'name'> = {
  username: null,
  phone: null,
  locale: 'en',
  timezone: null,
  externalId: null,
  metadata: {},
  appMetadata: {},
};

export interface NewUser extends Pick<Profile, 'email' | 'name'>, Partial<Omit<Profile, 'email' | 'name'>> {
  readonly password?: string;
}

interface Beginning {
  readonly active: boolean;
  readonly emailVerified: boolean;
  readonly now: Date;
}

/** Somebody whom nothing has happened to yet. */
export function newUser(
  profile: Pick<Profile, 'email' | 'name'> & Partial<Profile>,
  { active, emailVerified, now }: Beginning,
): User {
  const user = Object.assign(new User(), EMPTY, {
    id: newId(),
    emailVerifiedAt: emailVerified ? now : null,
    activatedAt: active ? now : null,
    suspendedAt: null,
    suspendedUntil: null,
    suspensionReason: null,
    deletedAt: null,
    deletionDueAt: null,
    createdAt: now,
    updatedAt: now,
    lastSignInAt: null,
    version: 1,
  });
  user.emailKey = normalEmail(profile.email);
  user.edit({ ...profile, email: profile.email.trim() });
  return user;
}
