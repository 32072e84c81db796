import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import type { Problem } from '../contract/problem.js';

type Listener = (problem: Problem, request: FastifyRequest) => Promise<void>;

/** Refusals are told of before they are answered, whoever made them: a guard, or a rule within a transaction. */
@Injectable()
export class Refusals {
  private listener: Listener | null = null;

  /** The record of them lives on a floor above, which cannot be asked from here: it comes by itself. */
  listen(listener: Listener): void {
    this.listener = listener;
  }

  /** After the transaction of what was refused, which is gone by now. */
  async tell(problem: Problem, request: FastifyRequest): Promise<void> {
    await this.listener?.(problem, request);
  }
}
