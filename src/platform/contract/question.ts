import { UseFilters, applyDecorators } from '@nestjs/common';
import type { ExceptionFilter } from '@nestjs/common';
import { MessagePattern, Transport } from '@nestjs/microservices';
import { throwError } from 'rxjs';

import type { Permission } from './permission.js';
import type { ProblemClass } from './problem.js';
import { register } from './registry.js';

type Shape = new () => object;

/** What other services ask over the broker, and what they are answered; its name is the subject. */
export interface Question {
  readonly name: string;
  readonly about: string;
  /** What whoever asks has to hold; null: being somebody is enough. */
  readonly permission: Permission | null;
  readonly asks: Shape;
  readonly answers: Shape;
  /** The problems of its own, beside those that any question has. */
  readonly problems: readonly ProblemClass[];
}

export const questions = new Map<string, Question>();

/** Nest would log what a deed throws and answer in words of its own: whoever asked it has to see what it was. */
const asItIs: ExceptionFilter = { catch: (error: unknown) => throwError(() => error) };

/** Promises a question, and that this deed answers it: a NestJS message pattern. */
export function Answers(name: string, question: Omit<Question, 'name'>): MethodDecorator {
  register('question', questions, name, Object.freeze({ name, ...question }));
  return applyDecorators(MessagePattern(name, Transport.NATS), UseFilters(asItIs));
}
