import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const PRESENT = 0x01;
const VERIFIED = 0x04;
const ELIGIBLE = 0x08;
const BACKED_UP = 0x10;
const ATTESTED = 0x40;

/** As much of the options as an authenticator looks at. */
export interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string };
  readonly excludeCredentials?: readonly { readonly id: string }[];
}
export interface RequestOptions {
  readonly challenge: string;
  readonly rpId: string;
  readonly allowCredentials?: readonly { readonly id: string }[];
}

/** What a liar says otherwise. */
export interface Lies {
  readonly origin?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly rpId?: string;
  readonly userHandle?: string;
  readonly counter?: number;
  readonly verified?: boolean;
  readonly crossOrigin?: boolean;
  /** Another than `none`. */
  readonly statement?: { readonly format: string; readonly fields: ReadonlyMap<unknown, unknown> };
}

/** An answer in the JSON of WebAuthn level 3. */
export interface AuthenticatorAnswer {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: object;
  readonly response: Readonly<Record<string, unknown>>;
}

/** An authenticator and its browser in software: one discoverable key on P-256 for each site, and no attestation. */
export class Authenticator {
  readonly id = randomBytes(16);
  private counter = 0;
  private userHandle = '';
  private readonly privateKey: KeyObject;
  private readonly publicKey: KeyObject;

  /** @param origin of the page that asks @param synced its keys are on other devices too, so that it does not count */
  constructor(
    private readonly origin: string,
    private readonly synced = false,
  ) {
    ({ privateKey: this.privateKey, publicKey: this.publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  }

  /** `navigator.credentials.create()` */
  create({ challenge, rp, user }: CreationOptions, lies: Lies = {}): AuthenticatorAnswer {
    this.userHandle = user.id;
    const { format = 'none', fields = new Map() } = lies.statement ?? {};
    const attestation = new Map<unknown, unknown>([
      ['fmt', format],
      ['attStmt', fields],
      ['authData', this.authenticatorData(rp.id, ATTESTED, lies)],
    ]);
    return this.answer({
      clientDataJSON: this.clientData('webauthn.create', challenge, lies).toString('base64url'),
      attestationObject: cbor(attestation).toString('base64url'),
      transports: ['internal', 'hybrid', 'carrier-pigeon'],
    });
  }

  /** `navigator.credentials.get()` */
  get({ challenge, rpId }: RequestOptions, lies: Lies = {}): AuthenticatorAnswer {
    const clientData = this.clientData('webauthn.get', challenge, lies);
    const data = this.authenticatorData(rpId, 0, lies);
    const signed = Buffer.concat([data, createHash('sha256').update(clientData).digest()]);
    return this.answer({
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: sign('sha256', signed, this.privateKey).toString('base64url'),
      userHandle: lies.userHandle ?? this.userHandle,
    });
  }

  private answer(response: Readonly<Record<string, unknown>>): AuthenticatorAnswer {
    const id = this.id.toString('base64url');
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
  }

  private clientData(type: string, challenge: string, lies: Lies): Buffer {
    const { origin = this.origin, crossOrigin = false } = lies;
    return Buffer.from(
      JSON.stringify({ type: lies.type ?? type, challenge: lies.challenge ?? challenge, origin, crossOrigin }),
    );
  }

  /** WebAuthn 6.1 */
  private authenticatorData(rpId: string, attested: number, lies: Lies): Buffer {
    if (!this.synced && lies.counter === undefined) this.counter += 1;
    const verified = (lies.verified ?? true) ? VERIFIED : 0;
    const flags = PRESENT | verified | (this.synced ? ELIGIBLE | BACKED_UP : 0) | attested;
    const head = Buffer.alloc(5);
    head.writeUInt8(flags);
    head.writeUInt32BE(lies.counter ?? this.counter, 1);
    const hash = createHash('sha256')
      .update(lies.rpId ?? rpId)
      .digest();
    return Buffer.concat([hash, head, attested ? this.attestedData() : Buffer.alloc(0)]);
  }

  private attestedData(): Buffer {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.id.length);
    const { x, y } = this.publicKey.export({ format: 'jwk' });
    // EC2, ES256, P-256 (RFC 9053, 7.1.1).
    const key = new Map<unknown, unknown>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x!, 'base64url')],
      [-3, Buffer.from(y!, 'base64url')],
    ]);
    return Buffer.concat([Buffer.alloc(16), length, this.id, cbor(key)]);
  }
}

/** As much of CBOR (RFC 8949) as an authenticator speaks: whole numbers, bytes, texts, lists and maps. */
function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  const entries = [...(value as ReadonlyMap<unknown, unknown>)];
  return Buffer.concat([head(5, entries.length), ...entries.flatMap((entry) => entry.map(cbor))]);
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([(major << 5) | size]);
  if (size < 256) return Buffer.from([(major << 5) | 24, size]);
  return Buffer.from([(major << 5) | 25, size >> 8, size & 255]);
}
