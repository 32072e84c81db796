export { ForeignPasswords } from './foreign-passwords.service.js';
export { normalizePassword } from './password-policy.js';
export { PasswordHasher } from './password-hashing.js';
export { PasswordIncorrect, TooManySignIns } from './passwords.contract.js';
export { PasswordsModule } from './passwords.module.js';
export { Passwords } from './passwords.service.js';
export type { PasswordProof } from './passwords.service.js';
