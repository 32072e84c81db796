import { HttpCode, applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiOperation, ApiResponse } from '@nestjs/swagger';

import type { ProblemClass } from '../contract/problem.js';

export interface Answer {
  readonly status: number;
  /** What the answer holds, in a sentence for the document. */
  readonly about: string;
  /** The class of the body; none for an empty answer. */
  readonly type?: new () => object;
}

/** Names an operation (`users.suspend`), says what it does and what it answers when all is well. */
export function Operation(operationId: string, summary: string, answer: Answer, description?: string): MethodDecorator {
  return applyDecorators(
    HttpCode(answer.status),
    ApiOperation({ operationId, summary, description }),
    ApiResponse({ status: answer.status, description: answer.about, type: answer.type }),
  );
}

/** Where what a POST makes is found by its id, if not under the address of the POST itself: `/api/v1/api-keys`. */
export const MadeUnder = (path: string): MethodDecorator => ApiExtension('x-made-under', path);

const EXTENSIONS = 'swagger/apiExtension';

/** Answered as JSON alone, whatever the conventions say: its readers know no other format. */
export const JsonOnly = (): MethodDecorator => ApiExtension('x-json-only', true);

/** The problems of this operation beside those that follow from its policy, its parameters and its body. */
export function ApiProblems(...classes: readonly ProblemClass[]): MethodDecorator {
  return (_target, _name, descriptor) => {
    const extensions = (Reflect.getMetadata(EXTENSIONS, descriptor.value as object) ?? {}) as Record<string, unknown>;
    const codes = classes.map(({ definition }) => definition.code);
    Reflect.defineMetadata(EXTENSIONS, { ...extensions, 'x-problems': codes }, descriptor.value as object);
  };
}
