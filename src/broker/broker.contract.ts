import { defineProblem } from '../platform/contract/problem.js';

export class AnswerTooLarge extends defineProblem('answer_too_large', 422, 'The answer is too large for one message', {
  cause: 'What was found does not fit into a message as large as NATS is set to carry (`max_payload`).',
  mend: 'Ask for fewer at once by `limit`, or over HTTP.',
}) {}
