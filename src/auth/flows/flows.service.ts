import { createHmac, timingSafeEqual } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import { Events } from '../../events/index.js';
import { Jobs, defineJob } from '../../jobs/index.js';
import { Clock } from '../../platform/clock/clock.js';
import { Secrets } from '../../platform/crypto/secrets.js';
import { hashToken, newId, randomCode, randomToken } from '../../platform/crypto/tokens.js';
import { Database } from '../../platform/database/database.js';
import { Sessions } from '../../sessions/index.js';
import { Guesses } from '../guesses/guesses.service.js';
import type { Flow, FlowPurpose } from './flow.entity.js';
import { CodeInvalid, CodeRefused, LinkInvalid } from './flows.contract.js';
import { FlowsRepository } from './flows.repository.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** How long the link of a mail is good. Milliseconds. */
const LIVES: Record<FlowPurpose, number> = {
  registration: 60 * MINUTE,
  email_verification: DAY,
  email_change: 60 * MINUTE,
  email_revert: 7 * DAY,
  password_reset: 30 * MINUTE,
  magic_link: 15 * MINUTE,
  invitation: 7 * DAY,
  second_factor: 10 * MINUTE,
};
const CODE_LIVES = 10 * MINUTE;
const TRIES = 5;
const KEPT_FOR = DAY;
const PruneFlows = defineJob('flows.prune', { maxAttempts: 3 });

/** What somebody brings: the token of a link, or a code with the flow that it belongs to. */
export type Proof = { readonly token: string } | { readonly flowId: string; readonly code: string };

export interface NewFlow {
  readonly emailKey: string;
  /** Null where there is no such user, or not yet. */
  readonly userId: string | null;
  readonly payload?: object;
  /** False for an address that nobody has: the same is written, and no proof fits. */
  readonly isReal: boolean;
}

export interface Begun {
  readonly flowId: string;
  readonly token: string;
  readonly code: string;
}

/** One-time proofs: 256 bits in a link, or six digits with a flow. One purpose, one use, an end, dead when a newer one is made. */
@Injectable()
export class Flows {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly events: Events,
    private readonly secrets: Secrets,
    private readonly flows: FlowsRepository,
    private readonly guesses: Guesses,
    sessions: Sessions,
    jobs: Jobs,
  ) {
    // Whatever ends all sessions of somebody ends what was begun in one of them, perhaps by somebody else.
    sessions.onAllEnded(async (userId) => void (await this.supersedeOf(userId, 'email_change')));
    jobs.work(PruneFlows, () => flows.deleteExpired(new Date(clock.millis() - KEPT_FOR)), { cron: '23 * * * *' });
  }

  /** Begins one, as part of the caller's transaction. */
  async begin(purpose: FlowPurpose, { emailKey, userId, payload = {}, isReal }: NewFlow): Promise<Begun> {
    const now = this.clock.now();
    const later = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);
    const [id, token, code] = [newId(), randomToken(), randomCode()];
    const [tokenHash, codeHash] = [hashToken(token), this.digestOf(id, code)];
    await this.flows.supersede(purpose, emailKey, userId, now);
    await this.flows.insert({
      ...{ id, purpose, emailKey, userId, payload },
      tokenHash: isReal ? tokenHash : null,
      codeHash: isReal ? codeHash : null,
      triesLeft: TRIES,
      createdAt: now,
      codeExpiresAt: later(Math.min(CODE_LIVES, LIVES[purpose])),
      expiresAt: later(LIVES[purpose]),
      usedAt: null,
      supersededAt: null,
    });
    return { flowId: id, token, code };
  }

  /**
   * The flow that this proof ends, not used up yet: the deed may still fail. A wrong code counts, for the flow and for
   * whoever it is about. @throws CodeInvalid, LinkInvalid, TooManyGuesses
   */
  async prove(purposes: readonly FlowPurpose[], proof: Proof): Promise<Flow> {
    if ('code' in proof) return this.proveByCode(purposes, proof);
    const flow = await this.flows.findByToken(hashToken(proof.token), purposes, this.clock.now());
    if (!flow) throw new LinkInvalid();
    return flow;
  }

  /** Uses it up, as part of the caller's transaction: of many at once, one. @throws CodeInvalid, LinkInvalid */
  async use(flow: Flow, proof: Proof): Promise<void> {
    if (!(await this.flows.use(flow.id, this.clock.now()))) throw refusalOf(proof);
  }

  /** One that is still to be proved. */
  findLive(purpose: FlowPurpose, emailKey: string): Promise<Flow | null> {
    return this.flows.findLive(purpose, emailKey, this.clock.now());
  }

  /** Ends what was begun for a user and this purpose, as part of the caller's transaction. @returns how many */
  supersedeOf(userId: string, purpose: FlowPurpose): Promise<number> {
    return this.flows.supersedeOf(userId, purpose, this.clock.now());
  }

  /**
   * Ends what was begun for a user, as part of the caller's transaction: whatever it rested on has changed. Not the way
   * back to an address of before: whoever took an account over would shut it by the next change that they make.
   */
  supersedeAllOf(userId: string): Promise<void> {
    return this.flows.supersedeAllOf(userId, this.clock.now());
  }

  /** Ends those of the same purpose that were begun after this one, as part of the caller's transaction. */
  supersedeSince(flow: Flow): Promise<void> {
    return this.flows.supersedeSince(flow, this.clock.now());
  }

  private async proveByCode(purposes: readonly FlowPurpose[], proof: { flowId: string; code: string }): Promise<Flow> {
    const known = await this.flows.find(proof.flowId, purposes);
    // Whatever the purpose, and whomever the flow knew of: else the count would tell who has the address (S9).
    const guessed = await this.guesses.whoHas(known?.emailKey ?? proof.flowId);
    await this.guesses.reserve(guessed);
    const flow = await this.db.transaction(async () => {
      const codeHash = this.digestOf(proof.flowId, proof.code);
      const tried = await this.flows.try(proof.flowId, purposes, codeHash, this.clock.now());
      if (tried?.codeHash && timingSafeEqual(tried.codeHash, codeHash)) return tried;
      this.events.record(CodeRefused, { flowId: proof.flowId, purpose: known?.purpose ?? null }, about(known));
      return null;
    });
    // Thrown after the commit, so that the try is counted.
    if (!flow) throw refusalOf(proof);
    await this.guesses.forgive(guessed);
    return flow;
  }

  private digestOf(flowId: string, code: string): Buffer {
    return createHmac('sha256', this.secrets.key('flow-codes')).update(`${flowId}:${code}`).digest();
  }
}

function about(flow: Flow | null): { subject?: string } {
  return flow?.userId ? { subject: `users/${flow.userId}` } : {};
}

function refusalOf(proof: Proof): Error {
  if (!('code' in proof)) return new LinkInvalid();
  return new CodeInvalid(undefined, [{ pointer: '/code', code: 'code_invalid', detail: 'is not right, or no longer' }]);
}
