import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, getSchemaPath } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';

import type { Problem } from '../platform/contract/problem.js';
import { questions } from '../platform/contract/question.js';
import type { Question } from '../platform/contract/question.js';
import { nameOf } from '../platform/http/formats/schema.js';
import { ProblemWriter } from '../platform/http/problem-body.js';
import { ProblemResponse } from '../platform/http/problem.response.js';
import { Serializers } from '../platform/http/serializers.js';

/** The schemas of all that is asked and answered: read from the decorators, as those of the OpenAPI document. */
export function schemasOfQuestions(app: INestApplication, nothing: new () => object): OpenAPIObject {
  const shapes = [...questions.values()].flatMap(({ asks, answers }) => [asks, answers]);
  const config = new DocumentBuilder().setOpenAPIVersion('3.1.1').build();
  return SwaggerModule.createDocument(app, config, {
    // Of a module without routes: they are documented elsewhere.
    include: [nothing],
    extraModels: [...shapes, ProblemResponse],
  });
}

/** Writes answers by their schemas: a member that is not documented cannot leave. */
export class AnswerWriter {
  private readonly serializers: Serializers;
  private readonly problems: ProblemWriter;

  constructor(schemas: OpenAPIObject, publicUrl: () => string) {
    this.serializers = new Serializers(schemas);
    this.problems = new ProblemWriter(publicUrl, this.serializers.json('Problem'));
  }

  data({ answers }: Question, value: unknown): string {
    return `{"data":${this.serializers.json(nameOf(getSchemaPath(answers)))(value)}}`;
  }

  problem(problem: Problem, subject: string, requestId: string): string {
    return `{"problem":${this.problems.text(this.problems.body(problem, subject, requestId))}}`;
  }
}
