import { headers } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

/** The part of a user that this service needs; docs/reference/asyncapi.json of Roster has all of it. */
interface User {
  readonly id: string;
  readonly name: string;
}

interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
}

type Answer<T> = { readonly data: T } | { readonly problem: Problem };

/** Milliseconds. */
const PATIENCE = 3000;

/** Roster did not answer what it was asked. */
class RosterRefused extends Error {
  constructor({ code, title, detail }: Problem) {
    super(`${code}: ${detail ?? title}`);
  }
}

/** What we ask Roster, over the same NATS that brings its events. */
export class Roster {
  private readonly connection: NatsConnection;
  private readonly key: string;

  constructor(connection: NatsConnection, key: string) {
    this.connection = connection;
    this.key = key;
  }

  /** Null if there is no such user, or no more. @throws RosterRefused, or what NATS throws while Roster is away */
  async user(id: string): Promise<User | null> {
    const answer = await this.ask<User>('users.get', { id });
    if ('data' in answer) return answer.data;
    if (answer.problem.code === 'user_not_found') return null;
    throw new RosterRefused(answer.problem);
  }

  private async ask<T>(subject: string, question: object): Promise<Answer<T>> {
    const signed = headers();
    signed.set('authorization', `Bearer ${this.key}`);
    const options = { headers: signed, timeout: PATIENCE };
    return (await this.connection.request(subject, JSON.stringify(question), options)).json<Answer<T>>();
  }
}
