import { register } from './registry.js';

/** How a property of an event's data is written; a `?` at the end says that it may be null. */
type Kind = 'uuid' | 'string' | 'moment' | 'integer' | 'boolean' | 'strings';
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>;

interface Written {
  uuid: string;
  string: string;
  moment: Date | string;
  integer: number;
  boolean: boolean;
  strings: readonly string[];
}
type ValueOf<K> = K extends `${infer Base extends Kind}?` ? Written[Base] | null : K extends Kind ? Written[K] : never;
export type DataOf<S extends Shape> = { readonly [P in keyof S]: ValueOf<S[P]> };

/** Whether what somebody wanted was done. */
export const OUTCOMES = ['success', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A kind of fact: its CloudEvents `type`, and the JSON Schema of its public `data`. */
export interface EventType<S extends Shape = Shape> {
  readonly type: string;
  readonly about: string;
  readonly shape: S;
  readonly outcome: Outcome;
}

export const eventTypes = new Map<string, EventType>();

/**
 * Promises a kind of fact, named `<thing>.<what happened>`. Personal values stay out of its data: ids only.
 * @param outcome `refused` where somebody was denied what they wanted
 */
export function defineEvent<const S extends Shape>(
  type: string,
  about: string,
  shape: S,
  { outcome = 'success' }: { readonly outcome?: Outcome } = {},
): EventType<S> {
  const event = Object.freeze({ type, about, shape, outcome });
  register('event', eventTypes, type, event as EventType);
  return event;
}

const schemas: Record<Kind, object> = {
  uuid: { type: 'string', format: 'uuid' },
  string: { type: 'string' },
  moment: { type: 'string', format: 'date-time' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  strings: { type: 'array', items: { type: 'string' } },
};

/** The JSON Schema (2020-12) of an event's data. */
export function dataSchemaOf(event: EventType): object {
  const properties = Object.fromEntries(
    Object.entries(event.shape).map(([name, kind]) => {
      const base = schemas[kind.replace('?', '') as Kind];
      return [name, kind.endsWith('?') ? { anyOf: [base, { type: 'null' }] } : base];
    }),
  );
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
