import { applyDecorators } from '@nestjs/common';
import { ValidateBy } from 'class-validator';

import { Text } from './properties.js';

const LOCALE = /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/;

export const Locale = (presence: { readonly optional?: boolean } = {}): PropertyDecorator =>
  applyDecorators(
    Text({
      about: 'Language (BCP 47)',
      example: 'en',
      min: 2,
      max: 35,
      pattern: LOCALE,
      code: 'locale_invalid',
      says: 'must be a language tag',
      ...presence,
    }),
    knownToIntl('isLocale', (tag) => new Intl.Locale(tag), 'locale_invalid', 'must be a language tag'),
  );

/** What the pattern lets pass and Intl does not know is refused alike: `Mars/Olympus`. */
export function knownToIntl(
  name: string,
  read: (text: string) => unknown,
  code: string,
  message: string,
): PropertyDecorator {
  const validate = (value: unknown): boolean => {
    try {
      return typeof value === 'string' && read(value) !== null;
    } catch {
      return false; // a RangeError: how Intl says no
    }
  };
  return ValidateBy({ name, validator: { validate } }, { context: { code }, message });
}
