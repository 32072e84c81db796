import type { DocumentedOperation } from '../documented.js';

const KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Makes the request safe to repeat for 24 hours: the same key and body are given the first answer again (a UUID, or up to 255 visible characters)',
  schema: { type: 'string', minLength: 1, maxLength: 257, example: '6f1c2a0e-3a55-4d1b-9a3b-1f0b7d3c9e21' },
};

const REPLAYED = {
  description: '`true` on an answer that was given before',
  schema: { type: 'string', enum: ['true'] },
};

/** Whether the operation is one that the interceptor is bound to. */
function isRepeatable(operation: DocumentedOperation, method: string): boolean {
  return method === 'post' && operation['x-permission'] !== 'public';
}

export function idempotencyProblemsOf(operation: DocumentedOperation, method: string): string[] {
  return isRepeatable(operation, method)
    ? ['parameter_invalid', 'idempotency_key_in_flight', 'idempotency_key_reused']
    : [];
}

/** Documents the header, and what its answers say of themselves. */
export function describeIdempotency(operation: DocumentedOperation, method: string): void {
  if (!isRepeatable(operation, method)) return;
  (operation.parameters ??= []).push(KEY);
  for (const [status, response] of Object.entries(operation.responses))
    if (status.startsWith('2')) response.headers = { ...response.headers, 'Idempotency-Replayed': REPLAYED };
}
