export { FactorResponse } from './factors.dto.js';
export { TooManyCodes } from './mfa.contract.js';
export { MfaModule } from './mfa.module.js';
export { Mfa } from './mfa.service.js';
export type { MfaMethod, MfaProof, MfaStatus } from './mfa.service.js';
