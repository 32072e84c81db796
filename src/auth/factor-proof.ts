import type { MfaProof } from '../mfa/index.js';
import { refusal } from '../platform/http/validation.pipe.js';

interface Shown {
  readonly method?: 'totp' | 'passkey' | 'recovery_code';
  readonly code?: string;
  readonly challengeId?: string;
  readonly response?: object;
}

/** The factor in a body: a code, or what a passkey answered. @throws ValidationFailed */
export function factorIn({ method, code, challengeId, response }: Shown): MfaProof {
  if (method === 'passkey' && challengeId !== undefined && response !== undefined)
    return { method, challengeId: challengeId.toLowerCase(), response };
  if ((method === 'totp' || method === 'recovery_code') && code !== undefined) return { method, code };
  const detail = 'is wanted with a code, or, for a passkey, with its challengeId and response';
  throw refusal([{ pointer: '/method', code: 'proof_incomplete', detail }]);
}
