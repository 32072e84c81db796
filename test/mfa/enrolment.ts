import { TOTP } from 'otpauth';

import type { TestApp } from '../harness/app.js';
import type { Person } from '../harness/people.js';
import { Authenticator } from './authenticator.js';
import type { CreationOptions, RequestOptions } from './authenticator.js';

const STEP = 30_000;

export interface AddedApp {
  readonly id: string;
  /** What it shows now, by the clock of the application; in so many steps. */
  readonly code: (steps?: number) => string;
}

export interface ConfirmedApp extends AddedApp {
  readonly recoveryCodes: readonly string[];
}

export interface AddedPasskey {
  readonly id: string;
  readonly authenticator: Authenticator;
  readonly recoveryCodes: readonly string[];
}

/** An authenticator app that has not shown its first code yet. */
export async function addApp(app: TestApp, person: Person, name = 'My telephone'): Promise<AddedApp> {
  const body = { kind: 'totp', name };
  const { body: added } = await person.post<{ id: string; secret: string }>('/api/v1/me/mfa/factors', body);
  const totp = new TOTP({ secret: added.secret });
  return { id: added.id, code: (steps = 0) => totp.generate({ timestamp: app.clock.millis() + steps * STEP }) };
}

/** One that is good; its code of now is used up. */
export async function confirmApp(app: TestApp, person: Person): Promise<ConfirmedApp> {
  const added = await addApp(app, person);
  const { body } = await person.post<{ recoveryCodes: string[] }>(`/api/v1/me/mfa/factors/${added.id}/confirmation`, {
    code: added.code(),
  });
  return { ...added, recoveryCodes: body.recoveryCodes };
}

export interface Options<T> {
  readonly challengeId: string;
  readonly options: T;
}

/** A new authenticator, before a browser at the public URL. */
export function anAuthenticator(app: TestApp, synced = false): Authenticator {
  return new Authenticator(new URL(app.ground.publicUrl.value).origin, synced);
}

export async function creationOptions(person: Person): Promise<Options<CreationOptions>> {
  return (await person.post<Options<CreationOptions>>('/api/v1/me/passkeys/options')).body;
}

/** What a browser sends to register a new passkey. */
export async function newPasskey(
  app: TestApp,
  person: Person,
  authenticator = anAuthenticator(app),
): Promise<{ challengeId: string; name: string; response: object }> {
  const { challengeId, options } = await creationOptions(person);
  return { challengeId, name: 'My key', response: authenticator.create(options) };
}

export async function addPasskey(
  app: TestApp,
  person: Person,
  authenticator = anAuthenticator(app),
): Promise<AddedPasskey> {
  const body = await newPasskey(app, person, authenticator);
  const { body: added } = await person.post<{ id: string; recoveryCodes: string[] }>('/api/v1/me/passkeys', body);
  return { ...added, authenticator };
}

/** The options that a door gave, as an authenticator reads them. */
export function asked({ challengeId, options }: { challengeId: string; options: object }): Options<RequestOptions> {
  return { challengeId, options: options as RequestOptions };
}
