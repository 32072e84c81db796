import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import type { ApiPropertyOptions } from '@nestjs/swagger';
import {
  Allow,
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  IsUUID,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import type { ValidationOptions } from 'class-validator';

import { momentText } from './lists/moment.js';

/** What every property says: one decorator sets its schema and its validator, so that the two cannot disagree. */
interface About<T> {
  readonly about: string;
  readonly example: T;
  /** May be absent. */
  readonly optional?: boolean;
  /** May be null. */
  readonly nullable?: boolean;
}

const because = (code: string, message: string): ValidationOptions => ({ context: { code }, message });

function property<T>(
  about: About<T>,
  schema: ApiPropertyOptions,
  validators: readonly PropertyDecorator[],
): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      ...schema,
      description: about.about,
      example: about.example,
      required: !about.optional,
      ...(about.nullable ? { nullable: true } : {}),
    } as ApiPropertyOptions),
    // Not @IsOptional: it would let null through wherever a member may be absent.
    ValidateIf((_, value) => !(value === undefined && about.optional) && !(value === null && about.nullable)),
    ...validators,
  );
}

export interface TextAbout extends About<string | null> {
  readonly min?: number;
  readonly max: number;
  readonly pattern?: RegExp;
  readonly code?: string;
  readonly says?: string;
  readonly format?: string;
  readonly writeOnly?: boolean;
}

export function Text(about: TextAbout): PropertyDecorator {
  const { min = 0, max, pattern, code = 'format_invalid', says = 'is not of the form that is expected' } = about;
  const schema = {
    type: String,
    minLength: min,
    maxLength: max,
    pattern: pattern?.source,
    format: about.format,
    writeOnly: about.writeOnly,
  };
  return property(about, defined(schema), [
    IsString(because('type_invalid', 'must be a text')),
    length('minLength', (characters) => characters >= min, because('too_short', atLeast(min))),
    length('maxLength', (characters) => characters <= max, because('too_long', atMost(max))),
    ...(pattern ? [Matches(pattern, because(code, says))] : []),
  ]);
}

const atLeast = (min: number): string => (min === 1 ? 'must not be empty' : `must have at least ${min} characters`);
const atMost = (max: number): string => `must have at most ${max} characters`;

/** Counts code points, as JSON Schema does. validator.js leaves variation selectors out, so that any number would pass. */
function length(name: string, fits: (characters: number) => boolean, options: ValidationOptions): PropertyDecorator {
  const validate = (value: unknown): boolean => typeof value === 'string' && fits([...value].length);
  return ValidateBy({ name, validator: { validate } }, options);
}

// No dot at an end or beside another, no encoded word, and neither % nor !, which old relays read as a route elsewhere.
const EMAIL =
  /^(?!\.|[^@]*(?:\.[.@]|=\?))[^\s@"(),:;<>[\\\]%!\p{Cc}]{1,64}@(?:[\p{L}\p{N}\p{M}](?:[\p{L}\p{N}\p{M}-]{0,61}[\p{L}\p{N}\p{M}])?\.)*[\p{L}\p{N}\p{M}](?:[\p{L}\p{N}\p{M}-]{0,61}[\p{L}\p{N}\p{M}])?$/u;

/** Whether it is one address, and the same one to every parser (CVE-2026-125755); line breaks around it are none of it. */
export function isEmailAddress(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 254 && !/\p{Cc}/u.test(value) && EMAIL.test(value.trim());
}

/** An address in the dot-atom form of RFC 5321, also international (RFC 6531); no quoted parts, comments or lists. */
export function Email(about: Omit<About<string>, 'nullable'>): PropertyDecorator {
  return property(about, { type: String, format: 'idn-email', minLength: 3, maxLength: 254 }, [
    ValidateBy(
      { name: 'isEmailAddress', validator: { validate: isEmailAddress } },
      because('email_invalid', 'must be an e-mail address'),
    ),
  ]);
}

export function Id(about: About<string | null>): PropertyDecorator {
  return property(about, { type: String, format: 'uuid' }, [
    IsUUID(undefined, because('id_invalid', 'must be a UUID')),
  ]);
}

/** RFC 3339, with a zone. */
export function Moment(about: About<string | null>): PropertyDecorator {
  const isMoment = (value: unknown): boolean => typeof value === 'string' && momentText(value) !== null;
  return property(about, { type: String, format: 'date-time' }, [
    ValidateBy(
      { name: 'isMoment', validator: { validate: isMoment } },
      because('moment_invalid', 'must be a moment as in RFC 3339, with a zone'),
    ),
  ]);
}

export function Flag(about: About<boolean>): PropertyDecorator {
  return property(about, { type: Boolean }, [IsBoolean(because('type_invalid', 'must be true or false'))]);
}

export function Whole(about: About<number | null> & { readonly min: number; readonly max: number }): PropertyDecorator {
  const { min, max } = about;
  return property(about, { type: 'integer', minimum: min, maximum: max }, [
    IsInt(because('type_invalid', 'must be a whole number')),
    Min(min, because('too_small', `must be at least ${min}`)),
    Max(max, because('too_large', `must be at most ${max}`)),
  ]);
}

/** One of a named set; the set is a schema of its own in the document. */
export function OneOf(values: readonly string[], name: string, about: About<string>): PropertyDecorator {
  return property(about, { enum: [...values], enumName: name } as ApiPropertyOptions, [
    IsIn(values, because('not_allowed', `must be one of ${values.join(', ')}`)),
  ]);
}

export function TextList(
  about: About<readonly string[]> & {
    readonly max: number;
    readonly minItems?: number;
    readonly maxItems: number;
    readonly pattern: RegExp;
  },
): PropertyDecorator {
  const { max, minItems = 0, maxItems, pattern } = about;
  const schema = {
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: max, pattern: pattern.source },
    ...(minItems > 0 ? { minItems } : {}),
    maxItems,
    uniqueItems: true,
  };
  const each = (code: string, message: string): ValidationOptions => ({ ...because(code, message), each: true });
  return property(about, schema as ApiPropertyOptions, [
    IsArray(because('type_invalid', 'must be a list')),
    ArrayMinSize(minItems, because('too_few', `must have at least ${minItems} items`)),
    ArrayMaxSize(maxItems, because('too_many', `must have at most ${maxItems} items`)),
    ArrayUnique(because('not_unique', 'must not name anything twice')),
    IsString(each('type_invalid', 'must hold texts only')),
    length(
      'itemLength',
      (characters) => characters <= max,
      each('too_long', `holds an item of more than ${max} characters`),
    ),
    Matches(pattern, each('format_invalid', 'holds an item that is not of the form that is expected')),
  ]);
}

/** A free JSON object, bounded by its size in bytes when written as JSON. */
export function JsonObject(about: About<object> & { readonly maxBytes: number }): PropertyDecorator {
  const { maxBytes } = about;
  const fits = (value: unknown): boolean => Buffer.byteLength(JSON.stringify(value) ?? '') <= maxBytes;
  return property(about, { type: 'object', additionalProperties: true }, [
    IsObject(because('type_invalid', 'must be an object')),
    ValidateBy(
      { name: 'fits', validator: { validate: fits } },
      because('too_large', `must take at most ${maxBytes} bytes as JSON`),
    ),
  ]);
}

/** An object of a class that describes itself in the same manner. */
export function Nested(type: () => new () => object, about: About<object | null>): PropertyDecorator {
  return property(about, { type: () => type() } as ApiPropertyOptions, [ValidateNested()]);
}

const itemTypes = new Map<object, Map<string, () => new () => object>>();

/** The members of a request that are lists of objects, with the class of their items. */
export function itemTypesOf(request: object): ReadonlyMap<string, () => new () => object> {
  return itemTypes.get(request) ?? new Map<string, never>();
}

/** A list of such objects; for requests. Each item is checked as its class says. */
export function Items(
  type: () => new () => object,
  about: About<readonly object[]> & { readonly maxItems: number },
): PropertyDecorator {
  const { maxItems } = about;
  const remember: PropertyDecorator = (target, name) =>
    void itemTypes.set(target, new Map([...itemTypesOf(target), [name as string, type]]));
  return applyDecorators(
    remember,
    property(about, { type: () => type(), isArray: true, maxItems } as ApiPropertyOptions, [
      IsArray(because('type_invalid', 'must be a list')),
      ArrayMaxSize(maxItems, because('too_many', `must have at most ${maxItems} items`)),
      ValidateNested({ each: true }),
    ]),
  );
}

/** A list of such objects; for answers. */
export function ListOf(type: () => new () => object, about: string): PropertyDecorator {
  return ApiProperty({ type: () => type(), isArray: true, description: about, required: true });
}

function defined<T extends object>(schema: T): ApiPropertyOptions {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined)) as ApiPropertyOptions;
}

/** A member that answers have and requests may repeat: an equal one is ignored, the service refuses any other. */
export function ReadOnly(schema: ApiPropertyOptions, about: string, example: unknown): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ ...schema, description: about, example, required: false, readOnly: true } as ApiPropertyOptions),
    Allow(),
  );
}
