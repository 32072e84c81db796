import { setTimeout as pause } from 'node:timers/promises';

import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Server, Transport } from '@nestjs/microservices';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { headers } from '@nats-io/transport-node';
import type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/transport-node';
import { isObservable, lastValueFrom } from 'rxjs';

import { Config } from '../platform/config/config.js';
import { Problem } from '../platform/contract/problem.js';
import { questions } from '../platform/contract/question.js';
import type { Question } from '../platform/contract/question.js';
import { newId } from '../platform/crypto/tokens.js';
import { REQUEST_BUDGET } from '../platform/database/impatient-client.js';
import { problemOf } from '../platform/http/problem-body.js';
import { ServiceUnavailable } from '../platform/http/problems.js';
import { Logs } from '../platform/logging/logger.js';
import { runInRequest } from '../platform/logging/request-context.js';
import { Metrics } from '../platform/telemetry/metrics.js';
import type { AnswerWriter } from './answers.js';
import { AnswerTooLarge } from './broker.contract.js';
import { BrokerConnection } from './broker-connection.js';
import { authorizationOf, mayBeAnswered, readQuestion, requestIdOf } from './question-message.js';
import { QuestionsDesk } from './questions-desk.js';

/** Replicas share the questions: each is given to one of them. */
const QUEUE = 'roster';
/** Questions of which nobody has asked more at the same time; beyond it one is told to come again. */
const AT_ONCE = 200;
/** Milliseconds. */
const DRAINS_FOR = 1000;

/**
 * Answers questions over NATS: a transport of NestJS, whose message patterns it calls. Nest's own transport keeps the
 * start waiting for NATS, leaves what is no JSON without an answer, and answers to whatever subject it is told to.
 */
@Injectable()
export class QuestionsServer extends Server implements CustomTransportStrategy, OnModuleDestroy {
  override readonly transportId = Transport.NATS;
  readonly isWanted: boolean;
  private writer: AnswerWriter | null = null;
  private subscriptions: Subscription[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private readonly log;
  private readonly answered;
  private stopped = false;

  constructor(
    config: Config,
    private readonly connection: BrokerConnection,
    private readonly desk: QuestionsDesk,
    logs: Logs,
    metrics: Metrics,
  ) {
    super();
    this.isWanted = connection.isWanted && config.values.ROLE !== 'worker';
    this.log = logs.of('broker');
    this.answered = metrics.counter(
      'broker_questions_total',
      'Questions asked over NATS, by the code of their problem',
      ['question', 'code'],
    );
  }

  /** Before it listens. */
  writeBy(writer: AnswerWriter): void {
    this.writer = writer;
  }

  /** NATS may be away: whenever it is there, questions are heard. */
  listen(callback: () => void): void {
    this.connection.onOpen((session) => this.hear(session));
    this.connection.open();
    callback();
  }

  /** While the database can still be asked. */
  async onModuleDestroy(): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    this.stopped = true;
    const drained = Promise.allSettled(this.subscriptions.map(async (each) => each.drain()));
    // A server that is frozen never says that it has heard us.
    await Promise.race([drained, pause(DRAINS_FOR, undefined, { ref: false })]);
    await Promise.all(this.underWay);
  }

  on(): void {
    throw new Error('There is nothing to hear of it: /health tells of the connection');
  }

  unwrap<T>(): T {
    return this.connection.current as T;
  }

  private hear(session: NatsConnection): void {
    if (this.stopped) return;
    const heard = [...questions.values()].filter(({ name }) => this.messageHandlers.has(name));
    this.subscriptions = heard.map((question) =>
      session.subscribe(question.name, {
        queue: QUEUE,
        callback: (error, message) => {
          // The server tells of what we may not hear; the connection writes it into the log.
          if (!error) this.begin(question, message);
        },
      }),
    );
  }

  private begin(question: Question, message: Msg): void {
    if (!mayBeAnswered(message)) {
      this.log.debug({ question: question.name }, 'A question came without an inbox for its answer');
      return;
    }
    const done = this.answer(question, message).catch((error: unknown) => {
      this.log.debug({ err: error }, 'An answer could not be sent');
    });
    this.underWay.add(done);
    void done.finally(() => this.underWay.delete(done));
  }

  private async answer(question: Question, message: Msg): Promise<void> {
    const requestId = requestIdOf(message) ?? newId();
    const context = {
      requestId,
      deadline: performance.now() + REQUEST_BUDGET,
      ip: null,
      userAgent: null,
      actorId: null,
    };
    await runInRequest(context, async () => {
      const { text, code, told } = await this.textOf(question, message, requestId);
      this.answered.inc({ question: question.name, code });
      message.respond(text, { headers: told });
    });
  }

  /** Whatever happens, somebody waits for an answer. */
  private async textOf(question: Question, message: Msg, requestId: string): Promise<Answer> {
    const writer = this.writer!;
    let pack = (answer: string): string => answer;
    try {
      if (this.underWay.size >= AT_ONCE) throw new ServiceUnavailable('Too many questions at once');
      const asked = readQuestion(message);
      pack = asked.pack;
      const value = await this.ask(question, asked.question, authorizationOf(message));
      const text = pack(writer.data(question, value));
      this.refuseTooLarge(text);
      return { text, code: '', told: headers() };
    } catch (error) {
      const problem = problemOf(error);
      const { status, code, title } = problem.definition;
      if (status >= 500) this.log[status === 503 ? 'warn' : 'error']({ err: error, question: question.name }, title);
      return { text: pack(writer.problem(problem, question.name, requestId)), code, told: headersOf(problem) };
    }
  }

  private async ask(question: Question, value: unknown, authorization: string | undefined): Promise<unknown> {
    const principal = await this.desk.admit(question, authorization);
    const valid = this.desk.validate(question, value);
    const made: unknown = await this.messageHandlers.get(question.name)!(valid, { principal });
    return isObservable(made) ? lastValueFrom(made) : made;
  }

  private refuseTooLarge(text: string): void {
    const most = this.connection.current?.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (Buffer.byteLength(text) > most) throw new AnswerTooLarge();
  }
}

interface Answer {
  readonly text: string;
  /** Of the problem; empty if there is none. */
  readonly code: string;
  readonly told: MsgHdrs;
}

/** `Retry-After` and the like, as over HTTP. */
function headersOf(problem: Problem): MsgHdrs {
  const told = headers();
  for (const [name, value] of Object.entries(problem.headers)) told.set(name, value);
  return told;
}
