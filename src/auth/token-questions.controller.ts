import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ApiExcludeController } from '@nestjs/swagger';

import { Problem } from '../platform/contract/problem.js';
import { Answers } from '../platform/contract/question.js';
import { VerifyTokens } from './auth.contract.js';
import { Bearers } from './bearers.service.js';
import { TokenAnswer, TokenQuestion } from './token-questions.dto.js';

/** What other services ask over the broker of a token that they were shown. */
@ApiExcludeController()
@Controller()
export class TokenQuestionsController {
  constructor(private readonly bearers: Bearers) {}

  @Answers('tokens.verify', {
    about: 'Whether a token or a key is good, and whose it is',
    permission: VerifyTokens,
    asks: TokenQuestion,
    answers: TokenAnswer,
    problems: [],
  })
  async verify(@Payload() { token }: TokenQuestion): Promise<TokenAnswer> {
    return this.bearers.recognise(token, null).then(TokenAnswer.of, refused);
  }
}

/** A token that is not good is an answer; a database that is away is none. */
function refused(error: unknown): TokenAnswer {
  if (error instanceof Problem && error.definition.status < 500) return TokenAnswer.refused(error.definition.code);
  throw error;
}
