import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';

import { Events } from '../events/index.js';
import { Clock } from '../platform/clock/clock.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import { SealBroken, Secrets } from '../platform/crypto/secrets.js';
import { newId } from '../platform/crypto/tokens.js';
import { Database } from '../platform/database/database.js';
import { SigningKeyRotated } from './keys.contract.js';
import { KeysRepository } from './keys.repository.js';
import type { KeyState, SigningKey } from './signing-key.entity.js';

export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

export type PublicJwk = Readonly<Record<string, string>>;

/** A retired key still verifies for as long as a token that it signed may live, and an hour more. */
const RETIRED_FOR = 70 * 60_000;
/** How long a process may sign with what it remembers. The next key is published before it signs, so this may be long. */
const REMEMBERED_FOR = 60_000;
/** A token with an unknown key makes us look again, but not more often than this: strangers can name any key. */
const LOOK_EVERY = 200;

const WRONG_SECRET =
  'SECRET_KEY does not open the signing keys in this database: set the SECRET_KEY that sealed them, or give it as ' +
  'SECRET_KEY_PREVIOUS beside the new one';

/** Keys for signing access tokens: one active, the next already published, and retired ones that still verify. */
@Injectable()
export class Keys implements OnApplicationBootstrap {
  private current: Signer | null = null;
  private verifiers = new Map<string, KeyObject>();
  private published: readonly PublicJwk[] = [];
  private loadedAt = Number.NEGATIVE_INFINITY;
  private loading: Promise<void> | null = null;

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly secrets: Secrets,
    private readonly keys: KeysRepository,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.db.transaction(async () => {
      await this.keys.lock();
      const known = await this.keys.verifying(this.clock.now());
      for (const key of known) await this.reseal(key);
      for (const state of ['active', 'next'] as const)
        if (!known.some((key) => key.state === state)) await this.keys.insert(this.make(state));
    });
    await this.load();
  }

  /** The key that signs now. */
  async signer(): Promise<Signer> {
    if (!this.current || performance.now() - this.loadedAt > REMEMBERED_FOR) await this.load();
    return this.current!;
  }

  /** The key of this id, or null if it is not (or no longer) ours. */
  async verifier(kid: string): Promise<KeyObject | null> {
    if (!this.verifiers.has(kid)) await this.loadAnew();
    return this.verifiers.get(kid) ?? null;
  }

  /** The JWK Set (RFC 7517): public halves only. */
  async jwks(): Promise<readonly PublicJwk[]> {
    if (performance.now() - this.loadedAt > LOOK_EVERY) await this.load();
    return this.published;
  }

  /** The next key signs from now on, the active one only verifies, and a new next one is published. */
  async rotate(): Promise<string> {
    await this.db.transaction(async () => {
      await this.keys.lock();
      const now = this.clock.now();
      await this.keys.move('active', { state: 'retired', retiredAt: now, privateKey: null });
      await this.keys.move('next', { state: 'active', activatedAt: now });
      await this.keys.insert(this.make('next'));
      const active = (await this.keys.verifying(now)).find((key) => key.state === 'active');
      this.events.record(SigningKeyRotated, { kid: active!.kid });
    });
    await this.loadAnew();
    return this.current!.kid;
  }

  /** Those that have long verified nothing any more. */
  async forgetRetired(before: Date): Promise<void> {
    await this.keys.deleteRetired(new Date(Math.min(before.getTime(), this.clock.millis() - RETIRED_FOR)));
  }

  private make(state: KeyState): SigningKey {
    const kid = newId();
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>;
    const now = this.clock.now();
    const sealed = this.secrets.seal('signing-keys', privateKey.export({ format: 'der', type: 'pkcs8' }), kid);
    return {
      kid,
      state,
      publicKey: { ...jwk, kid, alg: 'ES256', use: 'sig' },
      privateKey: sealed,
      createdAt: now,
      activatedAt: state === 'active' ? now : null,
      retiredAt: null,
    };
  }

  /** What was sealed under the key before is sealed anew, so that that key can be taken away. */
  private async reseal({ kid, privateKey }: SigningKey): Promise<void> {
    if (!privateKey) return;
    try {
      const sealed = this.secrets.reseal('signing-keys', privateKey, kid);
      if (sealed) await this.keys.reseal(kid, sealed);
    } catch (error) {
      if (error instanceof SealBroken) throw new OperatorFault(WRONG_SECRET);
      throw error;
    }
  }

  /** A look that is under way may have begun before what we look for was there. */
  private async loadAnew(): Promise<void> {
    await this.loading;
    await this.load();
  }

  /** One look at a time, whoever asks, and none too soon after another. */
  private load(): Promise<void> {
    this.loading ??= this.read().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  private async read(): Promise<void> {
    const early = this.loadedAt + LOOK_EVERY - performance.now();
    if (early > 0) await pause(early);
    const rows = await this.keys.verifying(new Date(this.clock.millis() - RETIRED_FOR));
    const active = rows.find((row) => row.state === 'active');
    if (!active?.privateKey) throw new Error('There is no active signing key');
    if (this.current?.kid !== active.kid) {
      const der = this.secrets.open('signing-keys', active.privateKey, active.kid);
      this.current = { kid: active.kid, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
    }
    this.published = rows.map((row) => row.publicKey);
    this.verifiers = new Map(
      rows.map((row) => [
        row.kid,
        this.verifiers.get(row.kid) ?? createPublicKey({ key: row.publicKey, format: 'jwk' }),
      ]),
    );
    this.loadedAt = performance.now();
  }
}
