import { Id, Moment, Text, TextList, Whole } from '../platform/http/properties.js';

const VISIBLE = /^(?!\s)[^\p{Cc}\u2028\u2029]+$/u;
const RECOVERY_CODE = /^[0-9a-z]{4}(?:-[0-9a-z]{4}){3}$/;

export const EXAMPLE_ID = '01a1fb89-a690-7530-90c7-ac334b01292e';

export const FactorId = (): PropertyDecorator => Id({ about: 'The id (UUIDv7)', example: EXAMPLE_ID });

export const FactorName = (presence: { readonly optional?: boolean } = {}): PropertyDecorator =>
  Text({
    about: 'What you know it by',
    example: 'My telephone',
    min: 1,
    max: 64,
    pattern: VISIBLE,
    says: 'must be one line that does not begin with a space',
    ...presence,
  });

export const CreatedAt = (): PropertyDecorator =>
  Moment({ about: 'When it was added', example: '2026-11-21T10:00:00.000Z' });

export const LastUsedAt = (): PropertyDecorator =>
  Moment({ about: 'When it was last used', example: null, nullable: true });

export const FactorVersion = (): PropertyDecorator =>
  Whole({ about: 'Rises with every change; also in the ETag', example: 1, min: 1, max: 2_147_483_647 });

export const RecoveryCodeList = (about: string): PropertyDecorator =>
  TextList({
    about,
    example: ['8xw2-90ab-cdef-ghjk', 'p5v9-3mtr-27nk-04de'],
    max: 19,
    maxItems: 10,
    pattern: RECOVERY_CODE,
  });
