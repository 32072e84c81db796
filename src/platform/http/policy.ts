import { applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension } from '@nestjs/swagger';

import type { Permission } from '../contract/permission.js';

/** Who may call a route. Every route declares one, or the start fails. */
export type Policy =
  | { readonly kind: 'public' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'requires'; readonly permissions: readonly string[] };

const policies = new Map<object, Policy>();
const beforePasswordChange = new WeakSet<object>();
const beforeSecondFactor = new WeakSet<object>();
const recent = new WeakMap<object, readonly string[] | null>();
const inPerson = new WeakSet<object>();

function declare(policy: Policy): MethodDecorator {
  return (_target, _name, descriptor) => {
    policies.set(descriptor.value as object, policy);
  };
}

/** Anybody, with or without a token. */
export const Public = (): MethodDecorator =>
  applyDecorators(declare({ kind: 'public' }), ApiExtension('x-permission', 'public'));

/** Whoever is signed in. */
export const Authenticated = (): MethodDecorator =>
  applyDecorators(declare({ kind: 'authenticated' }), ApiExtension('x-permission', 'authenticated'), ApiBearerAuth());

/** Whoever holds all of these permissions. */
export const Requires = (...needed: [Permission, ...Permission[]]): MethodDecorator => {
  const names = needed.map((permission) => permission.name);
  return applyDecorators(
    declare({ kind: 'requires', permissions: names }),
    ApiExtension('x-permission', names.join(' ')),
    ApiBearerAuth(),
  );
};

/** Open also to those who signed in with a one-time password and have to change it first. */
export const AllowedBeforePasswordChange = (): MethodDecorator => (_target, _name, descriptor) => {
  beforePasswordChange.add(descriptor.value as object);
};

/** The scope that a key needs for whatever only wants somebody who is signed in; other scopes are permissions. */
export const OWN_ACCOUNT = 'me';

/** Open also to those whose role asks for a second factor that they have not shown: to add one, and to show it. */
export const AllowedBeforeSecondFactor = (): MethodDecorator => (_target, _name, descriptor) => {
  beforeSecondFactor.add(descriptor.value as object);
};

/** Seconds that a proof of who one is stays young enough for a deed that decides over the account. */
export const RECENT_SIGN_IN = 300;

/**
 * Only for those who proved who they are in the last five minutes, in person: never for a key, nor for somebody who
 * acts for another. Others are told to step up (RFC 9470).
 * @param only the members of the body that want it, if not all do
 */
export const RequiresRecentSignIn = (only?: readonly string[]): MethodDecorator =>
  applyDecorators(
    (_target, _name, descriptor) => void recent.set(descriptor.value as object, only ?? null),
    only ? ApiExtension('x-max-age-for', only) : ApiExtension('x-max-age', RECENT_SIGN_IN),
  );

/** Only for whoever signed in as themselves: never for a key, nor for somebody who acts for another. */
export const OnlyInPerson = (): MethodDecorator =>
  applyDecorators(
    (_target, _name, descriptor) => void inPerson.add(descriptor.value as object),
    ApiExtension('x-in-person', true),
  );

/** Every handler that has said who may call it. */
export function guardedHandlers(): object[] {
  return [...policies].filter(([, { kind }]) => kind !== 'public').map(([handler]) => handler);
}

export function policyOf(handler: object): Policy | undefined {
  return policies.get(handler);
}

/** @param body as it was parsed; nobody has validated it yet */
export function requiresRecentSignIn(handler: object, body: unknown): boolean {
  const only = recent.get(handler);
  if (!only) return only === null;
  return typeof body === 'object' && body !== null && only.some((member) => Object.hasOwn(body, member));
}

export function isOnlyInPerson(handler: object): boolean {
  return inPerson.has(handler);
}

export function isAllowedBeforeSecondFactor(handler: object): boolean {
  return beforeSecondFactor.has(handler);
}

export function isAllowedBeforePasswordChange(handler: object): boolean {
  return beforePasswordChange.has(handler);
}
