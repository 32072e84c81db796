import { refusal } from '../../platform/http/validation.pipe.js';
import type { Proof } from './flows.service.js';

/** The proof in a body: a token, or a flow and its code, and not both. @throws ValidationFailed */
export function proofIn({ token, flowId, code }: { token?: string; flowId?: string; code?: string }): Proof {
  if (token !== undefined && flowId === undefined && code === undefined) return { token };
  if (token === undefined && flowId !== undefined && code !== undefined) return { flowId: flowId.toLowerCase(), code };
  const detail = 'is wanted alone, or a flowId with its code';
  throw refusal([{ pointer: '/token', code: 'proof_incomplete', detail }]);
}
