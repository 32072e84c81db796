import { createHash } from 'node:crypto';

import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';

import { Clock } from '../../clock/clock.js';
import { SealBroken, Secrets, keyFromToken, openWith, sealWith } from '../../crypto/secrets.js';
import { Database } from '../../database/database.js';
import { isUnavailable, violatedUnique } from '../../database/database-errors.js';
import { ParameterInvalid } from '../problems.js';
import { IdempotencyKeyInFlight, IdempotencyKeyReused } from './idempotency.problems.js';
import { IdempotencyKeysRepository } from './idempotency-keys.repository.js';

/** How long an answer is kept. Milliseconds. */
const KEPT_FOR = 24 * 60 * 60 * 1000;
const PURPOSE = 'idempotency-keys';
/** Visible ASCII; the quotes of the draft's structured field are no part of the key. */
const KEY = /^[!-~]{1,255}$/;

/** Thrown out of the work, which has been done before. */
class Replay extends Error {
  constructor(readonly answer: unknown) {
    super('This was answered already');
  }
}

/** One request, as somebody may repeat it. */
interface Repeatable {
  readonly key: string;
  readonly id: Buffer;
  readonly fingerprint: Buffer;
}

/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) on every POST that is not public. What the handler
 * returned is stored in the transaction of its work, sealed under a key that only the caller's header gives; a repeated
 * request is given the same, through the same serializers. Only answers of success are stored.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly secrets: Secrets,
    private readonly keys: IdempotencyKeysRepository,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const given = request.headers['idempotency-key'];
    if (given === undefined) return next.handle();
    const repeatable = repeatableOf(request, String(given));
    const work = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
    return from(this.once(repeatable, work, http.getResponse<FastifyReply>()));
  }

  private async once(repeatable: Repeatable, work: () => Promise<unknown>, reply: FastifyReply): Promise<unknown> {
    try {
      const keep = (made: unknown): void => this.db.beforeCommit(() => this.keeping(repeatable, made));
      return await this.db.hold(() => this.refuseRepeated(repeatable), work, keep);
    } catch (error) {
      const { answer } = error instanceof Replay ? error : await this.answeredMeanwhile(repeatable, error);
      void reply.header('Idempotency-Replayed', 'true');
      return answer;
    }
  }

  /**
   * What the work was refused for may be its own twin's doing (the address is taken: by the first request), when that was
   * answered between our look and our lock, or before a refusal that came without a look.
   * @throws what the work threw, if nobody was answered
   */
  private async answeredMeanwhile({ key, id, fingerprint }: Repeatable, error: unknown): Promise<Replay> {
    if (isUnavailable(error) || error instanceof IdempotencyKeyInFlight) throw error;
    const seen = await this.keys.find(id, this.clock.now());
    if (!seen?.fingerprint.equals(fingerprint))
      throw violatedUnique(error) === 'idempotency_keys_pkey' ? inFlight() : error;
    return new Replay(this.open(key, id, seen.answer));
  }

  /** @throws Replay, IdempotencyKeyInFlight, IdempotencyKeyReused */
  private async refuseRepeated({ key, id, fingerprint }: Repeatable): Promise<void> {
    const { locked, fingerprint: known, answer, expired } = await this.keys.take(id, this.clock.now());
    if (known && answer && !expired) {
      if (!known.equals(fingerprint)) throw new IdempotencyKeyReused();
      throw new Replay(this.open(key, id, answer));
    }
    if (!locked) throw inFlight();
    // Last, for whoever waits for a user must not have written anything yet (platform/database/turn.ts).
    if (expired) this.db.beforeCommit(() => this.keys.forget(id));
  }

  private keeping(
    { key, id, fingerprint }: Repeatable,
    made: unknown,
  ): ReturnType<IdempotencyKeysRepository['keeping']> {
    const plain = Buffer.from(JSON.stringify(made) ?? '');
    const sealed = this.secrets.seal(PURPOSE, sealWith(keyFromToken(key, PURPOSE), plain), id.toString('hex'));
    return this.keys.keeping(id, fingerprint, sealed, new Date(this.clock.millis() + KEPT_FOR));
  }

  private open(key: string, id: Buffer, sealed: Buffer): unknown {
    try {
      const inner = this.secrets.open(PURPOSE, sealed, id.toString('hex'));
      const plain = openWith(keyFromToken(key, PURPOSE), inner).toString();
      return plain === '' ? undefined : JSON.parse(plain);
    } catch (error) {
      if (error instanceof SealBroken)
        throw new IdempotencyKeyReused('The answer to this key was sealed under a SECRET_KEY that is gone');
      throw error;
    }
  }
}

function inFlight(): IdempotencyKeyInFlight {
  return new IdempotencyKeyInFlight().withHeader('Retry-After', '1') as IdempotencyKeyInFlight;
}

/** @throws ParameterInvalid */
function repeatableOf(request: FastifyRequest, given: string): Repeatable {
  const key = given.replace(/^"(.*)"$/, '$1');
  if (!KEY.test(key))
    throw new ParameterInvalid('The Idempotency-Key is not valid', [
      { parameter: 'Idempotency-Key', code: 'key_invalid', detail: 'must be 1 to 255 visible ASCII characters' },
    ]);
  const { principal, routeOptions, url, body } = request;
  const scope = [principal!.userId, request.method, routeOptions.url, key];
  return { key, id: digest(JSON.stringify(scope)), fingerprint: digest(`${url}\n${canonical(body)}`) };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The same for the same content, in whatever order and format it came. */
function canonical(body: unknown): string {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return JSON.stringify(body, sorted) ?? '';
}
