import { Injectable } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { validateSync } from 'class-validator';
import type { ValidationError } from 'class-validator';

import type { FieldFault } from '../contract/problem.js';
import { ValidationFailed } from './problems.js';
import { itemTypesOf } from './properties.js';

type Class = new () => object;
/** A body may hold 100,000 members that nobody knows; the answer names the first. */
const SHOWN = 50;
const POINTER_LENGTH = 2000;
const PLAIN = new Set<unknown>([String, Number, Boolean, Array, Object, undefined]);

/** Checks bodies against their class: unknown members, wrong ones and missing ones, all at once (422). */
@Injectable()
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' || PLAIN.has(metatype)) return value;
    return checked(metatype as Class, value);
  }
}

/** A body, or what is to be held to the same rules, as an instance of its class. @throws ValidationFailed */
export function checked<T extends object>(metatype: new () => T, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ValidationFailed('The body must be an object', [
      { pointer: '', code: 'type_invalid', detail: 'must be an object' },
    ]);
  }
  const instance = instanceOf(metatype, value, '');
  const errors = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  if (errors.length > 0) throw refusal(faultsOf(errors, ''));
  return instance as T;
}

/**
 * The body as an instance of its class, its members untouched. Not by class-transformer: a member named `constructor`,
 * at any depth of a free object, makes it crash or is lost. On top none is known, and class-validator finds its rules by it.
 */
function instanceOf(metatype: Class, body: object, base: string): object {
  if (Object.hasOwn(body, 'constructor'))
    throw refusal([
      { pointer: `${base}/constructor`, code: 'unknown_member', detail: 'is not a member of this request' },
    ]);
  const prototype = metatype.prototype as object;
  const instance = Object.assign(Object.create(prototype) as Record<string, unknown>, body);
  for (const [name, type] of itemTypesOf(prototype)) {
    const items = instance[name];
    if (Array.isArray(items)) instance[name] = items.map((item, at) => itemOf(type(), item, `${base}/${name}/${at}`));
    // Refused here, for class-validator would look into it for the members of an item.
    else if (typeof items === 'object' && items !== null)
      throw refusal([{ pointer: `${base}/${name}`, code: 'type_invalid', detail: 'must be a list' }]);
  }
  return instance;
}

/** Refused here: class-validator lets null pass, and looks into lists of lists. */
function itemOf(metatype: Class, item: unknown, base: string): object {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw refusal([{ pointer: base, code: 'type_invalid', detail: 'must be an object' }]);
  return instanceOf(metatype, item, base);
}

/** The 422 for these faults; services use it too, for what only they can know. */
export function refusal(faults: readonly FieldFault[]): ValidationFailed {
  const detail = faults.length === 1 ? '1 member is wrong' : `${faults.length} members are wrong`;
  return new ValidationFailed(detail, faults.slice(0, SHOWN));
}

function faultsOf(errors: readonly ValidationError[], base: string): FieldFault[] {
  return errors.flatMap((error) => {
    const name = error.property.replaceAll('~', '~0').replaceAll('/', '~1');
    const pointer = `${base}/${name}`.slice(0, POINTER_LENGTH);
    if (error.children?.length) return faultsOf(error.children, pointer);
    const [[constraint = '', detail = ''] = []] = Object.entries(error.constraints ?? {});
    return [faultOf(pointer, error, constraint, detail)];
  });
}

function faultOf(pointer: string, error: ValidationError, constraint: string, detail: string): FieldFault {
  if (constraint === 'whitelistValidation')
    return { pointer, code: 'unknown_member', detail: 'is not a member of this request' };
  if (error.value === undefined) return { pointer, code: 'required', detail: 'is missing' };
  const context = error.contexts?.[constraint] as { code?: string } | undefined;
  return { pointer, code: context?.code ?? 'invalid', detail };
}
