import { Injectable } from '@nestjs/common';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';

import { PublicUrl } from '../platform/http/public-url.js';
import type { Credential } from './passkeys.repository.js';

/** Milliseconds that somebody has for their fingerprint. */
export const CHALLENGE_LIVES = 5 * 60_000;
/** EdDSA, ES256 and RS256, by their numbers in COSE (RFC 9053). */
const ALGORITHMS = [-8, -7, -257];
/** WebAuthn 5.8.4; what an authenticator says beside these is of no use to a browser. */
const TRANSPORTS = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'];
const LONGEST_CREDENTIAL_ID = 1023;
const UNKNOWN_MODEL = '00000000-0000-0000-0000-000000000000';

/** For whom a passkey is made. */
export interface Registrant {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

type Known = Pick<Credential, 'credentialId' | 'transports'>;

/** What an authenticator made, proved. */
export interface NewCredential {
  readonly credentialId: Buffer;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: string[];
  readonly backedUp: boolean;
  readonly aaguid: string | null;
}

/** What a signature proves: its counter, and what became of the key. */
export interface Assertion {
  readonly counter: number;
  readonly backedUp: boolean;
  /** The key may be on more than one device: it is synchronised, or could be. */
  readonly isShared: boolean;
}

/** The half of WebAuthn that is ours. A passkey belongs to the host of PUBLIC_URL, and is taken from its origin alone. */
@Injectable()
export class RelyingParty {
  constructor(private readonly publicUrl: PublicUrl) {}

  registrationOptions(
    { id, email, name }: Registrant,
    challenge: Buffer,
    known: readonly Known[],
  ): Promise<PublicKeyCredentialCreationOptionsJSON> {
    return generateRegistrationOptions({
      rpName: 'Roster',
      rpID: this.id,
      // What the authenticator keeps of a user: an id tells nobody who they are (WebAuthn 14.6.1).
      userID: new Uint8Array(Buffer.from(id)),
      userName: email,
      userDisplayName: name,
      challenge: new Uint8Array(challenge),
      timeout: CHALLENGE_LIVES,
      attestationType: 'none',
      excludeCredentials: known.map(descriptorOf),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      supportedAlgorithmIDs: ALGORITHMS,
    });
  }

  /** @param known the only passkeys that will do; empty for any that the authenticator has for us */
  authenticationOptions(challenge: Buffer, known: readonly Known[]): Promise<PublicKeyCredentialRequestOptionsJSON> {
    return generateAuthenticationOptions({
      rpID: this.id,
      challenge: new Uint8Array(challenge),
      timeout: CHALLENGE_LIVES,
      allowCredentials: known.map(descriptorOf),
      userVerification: 'required',
    });
  }

  /** @returns null unless this answers the challenge */
  async registered(answer: object, challenge: Buffer): Promise<NewCredential | null> {
    const response = answer as RegistrationResponseJSON;
    const made = await unlessRefused(() => {
      refuseCertificates(response);
      return verifyRegistrationResponse({ ...this.expected(challenge), response, supportedAlgorithmIDs: ALGORITHMS });
    });
    if (!made?.verified) return null;
    const { credential, credentialBackedUp: backedUp, aaguid } = made.registrationInfo;
    const credentialId = Buffer.from(credential.id, 'base64url');
    // The browser says twice whose answer it is: the authenticator's word has to be the same.
    if (credential.id !== response.id || credentialId.length < 1 || credentialId.length > LONGEST_CREDENTIAL_ID)
      return null;
    return {
      credentialId,
      publicKey: Buffer.from(credential.publicKey),
      counter: credential.counter,
      transports: knownTransports(credential.transports),
      backedUp,
      aaguid: aaguid === UNKNOWN_MODEL ? null : aaguid,
    };
  }

  /** @returns null unless this answers the challenge, signed by this passkey */
  async asserted(answer: object, challenge: Buffer, known: Credential): Promise<Assertion | null> {
    const response = answer as AuthenticationResponseJSON;
    const credential = {
      id: known.credentialId.toString('base64url'),
      publicKey: new Uint8Array(known.publicKey),
      counter: known.counter,
    };
    const proved = await unlessRefused(() =>
      verifyAuthenticationResponse({ ...this.expected(challenge), response, credential }),
    );
    if (!proved?.verified) return null;
    const { newCounter: counter, credentialBackedUp: backedUp, credentialDeviceType } = proved.authenticationInfo;
    return { counter, backedUp, isShared: credentialDeviceType === 'multiDevice' };
  }

  private get id(): string {
    return new URL(this.publicUrl.value).hostname;
  }

  private expected(challenge: Buffer): {
    expectedChallenge: string;
    expectedOrigin: string;
    expectedRPID: string;
    requireUserVerification: true;
  } {
    return {
      expectedChallenge: challenge.toString('base64url'),
      expectedOrigin: new URL(this.publicUrl.value).origin,
      expectedRPID: this.id,
      requireUserVerification: true,
    };
  }
}

/** The id of the credential that an answer is of; null if it names none. */
export function credentialIdOf(answer: object): Buffer | null {
  const { id } = answer as { id?: unknown };
  return typeof id === 'string' && /^[\w-]{1,1400}$/.test(id) ? Buffer.from(id, 'base64url') : null;
}

/** Whose passkey the authenticator says it is; null if it does not. */
export function userHandleOf(answer: object): string | null {
  const { response } = answer as { response?: { userHandle?: unknown } | null };
  const handle = response?.userHandle;
  return typeof handle === 'string' ? Buffer.from(handle, 'base64url').toString() : null;
}

function descriptorOf({ credentialId, transports }: Known): { id: string; transports: string[] } {
  return { id: credentialId.toString('base64url'), transports: [...transports] };
}

function knownTransports(given: unknown): string[] {
  return Array.isArray(given) ? TRANSPORTS.filter((transport) => given.includes(transport)) : [];
}

/**
 * We ask for no attestation. One with certificates would be looked up: their lists of revocation are at addresses that
 * the caller chose, and we call none of those.
 */
function refuseCertificates({ response }: RegistrationResponseJSON): void {
  const statement = decodeAttestationObject(new Uint8Array(Buffer.from(response.attestationObject, 'base64url')));
  const format = statement.get('fmt');
  const isPlain = format === 'none' || (format === 'packed' && statement.get('attStmt').get('x5c') === undefined);
  if (!isPlain) throw new Error('An attestation that was not asked for');
}

/** The library throws whatever is wrong with an answer, be it a lie or nonsense; it asks nobody, so nothing else fails. */
async function unlessRefused<T>(proof: () => Promise<T>): Promise<T | null> {
  try {
    return await proof();
  } catch {
    // Why is of no use to an honest client, and of some to another.
    return null;
  }
}
