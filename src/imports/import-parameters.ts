import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiQuery } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { ParameterInvalid } from '../platform/http/problems.js';
import { CONFLICT_RULES, FORMATS } from './import.entity.js';
import type { ConflictRule, FormatName } from './import.entity.js';

const NAMES = ['onConflict', 'dryRun', 'format'];
const CHOICES = ['auto', ...FORMATS] as const;
/** As Firebase's console writes them down, or in one line. */
const FIREBASE_HEADER = 'Firebase-Hash-Config';
const LONGEST_CONFIG = 1000;
const MOST_ROUNDS = 8;
const MOST_MEMORY = 16;

export interface FirebaseConfig {
  readonly signerKey: Buffer;
  readonly saltSeparator: Buffer;
  readonly rounds: number;
  readonly memoryCost: number;
}

export interface ImportParameters {
  readonly onConflict: ConflictRule;
  readonly dryRun: boolean;
  readonly format: FormatName | null;
  readonly firebase: FirebaseConfig | null;
}

/** Documents them. */
export const ApiImportParameters = (): MethodDecorator =>
  applyDecorators(
    choice(
      'onConflict',
      'What becomes of a row whose address or external id somebody has already',
      CONFLICT_RULES,
      'skip',
    ),
    choice('dryRun', 'Only find out what would become of each row', ['true', 'false'], 'false'),
    choice('format', 'Whose file it is; recognised by its columns or its first object', CHOICES, 'auto'),
    ApiHeader({
      name: FIREBASE_HEADER,
      required: false,
      description:
        'What password hashes of Firebase were made with, as its console shows it for the project; kept sealed, beside them',
      schema: { type: 'string', maxLength: LONGEST_CONFIG },
      example: 'base64_signer_key=jxspr8Ki0RYycVU8zykbdA==; base64_salt_separator=Bw==; rounds=8; mem_cost=14',
    }),
  );

function choice(name: string, description: string, values: readonly string[], usual: string): MethodDecorator {
  const schema = { type: 'string' as const, enum: [...values], default: usual, example: usual };
  return ApiQuery({ name, required: false, description, schema });
}

/** @throws ParameterInvalid */
export function parametersOf({ query, headers }: FastifyRequest): ImportParameters {
  const given = query as Readonly<Record<string, unknown>>;
  const strange = Object.keys(given).find((name) => !NAMES.includes(name));
  if (strange !== undefined) throw invalid(strange.slice(0, 64), `is none of ${NAMES.join(', ')}`);
  const format = oneOf(given, 'format', CHOICES, 'auto');
  const config = headers[FIREBASE_HEADER.toLowerCase()];
  return {
    onConflict: oneOf(given, 'onConflict', CONFLICT_RULES, 'skip'),
    dryRun: oneOf(given, 'dryRun', ['true', 'false'], 'false') === 'true',
    format: format === 'auto' ? null : format,
    firebase: config === undefined ? null : firebaseConfigOf(String(config)),
  };
}

function oneOf<const T extends string>(
  query: Readonly<Record<string, unknown>>,
  name: string,
  values: readonly T[],
  usual: NoInfer<T>,
): T {
  const found = values.find((value) => value === (query[name] ?? usual));
  if (found === undefined) throw invalid(name, `must be one of ${values.join(', ')}`);
  return found;
}

/** @throws ParameterInvalid */
export function firebaseConfigOf(text: string): FirebaseConfig {
  // What looks for the names takes the square of a text that holds none.
  if (text.length > LONGEST_CONFIG) throw invalid(FIREBASE_HEADER, `has more than ${LONGEST_CONFIG} characters`);
  const members = new Map(
    [...text.matchAll(/(\w+)\s*[=:]\s*([\w+/-]+={0,2})/g)].map(([, name, value]) => [name!, value!]),
  );
  const signerKey = Buffer.from(members.get('base64_signer_key') ?? '', 'base64');
  const saltSeparator = Buffer.from(members.get('base64_salt_separator') ?? '', 'base64');
  const [rounds, memoryCost] = [Number(members.get('rounds')), Number(members.get('mem_cost'))];
  const isBounded = rounds >= 1 && rounds <= MOST_ROUNDS && memoryCost >= 1 && memoryCost <= MOST_MEMORY;
  if (signerKey.length < 16 || signerKey.length > 128 || saltSeparator.length > 32 || !isBounded)
    throw invalid(
      FIREBASE_HEADER,
      'must name base64_signer_key, base64_salt_separator, rounds (1 to 8) and mem_cost (1 to 16)',
    );
  return { signerKey, saltSeparator, rounds, memoryCost };
}

function invalid(parameter: string, detail: string): ParameterInvalid {
  return new ParameterInvalid(`The parameter ${parameter} is not valid`, [
    { parameter, code: 'parameter_invalid', detail },
  ]);
}
