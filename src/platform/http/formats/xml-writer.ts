import { nameOf, resolve, typeOf } from './schema.js';
import type { Schema, Schemas } from './schema.js';

/** Writes a value as an element of this name. */
type Writer = (value: unknown, name: string) => string;

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';
/** Where `xsi:nil` comes from (XML Schema, part 1, 2.6.2). */
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/**
 * A writer for one component of the document: an element for each member that the schema names, and for no other.
 * Lists hold an element for each item, called `item` or as its component is; free objects hold `<entry key="…" type="…">`, null is `xsi:nil="true"`, absent is absent.
 * The root bears the component's name, `<user>`. What XML 1.0 cannot carry (2.2: control characters, half a
 * surrogate pair) is written as U+FFFD.
 * @param sparse for answers to `fields=`: no member is required
 * @returns throws for a value that lacks a required member
 */
export function xmlWriter(component: string, schemas: Schemas, sparse = false): (value: unknown) => string {
  const compile = compiler(schemas, sparse, null);
  const write = compile(resolve({ $ref: component }, schemas));
  const root = rootOf(component);
  return (value) => {
    const text = write(value, root);
    return `${DECLARATION}<${root} xmlns:xsi="${XSI}"${text.slice(root.length + 1)}`;
  };
}

/** A writer for problems (RFC 9457, appendix B). */
export function problemXmlWriter(schemas: Schemas): (value: unknown) => string {
  const write = compiler(schemas, false, 'i')(resolve({ $ref: 'Problem' }, schemas));
  const root = '<problem';
  return (value) => {
    const text = write(value, 'problem');
    return `${DECLARATION}${root} xmlns="urn:ietf:rfc:7807"${text.slice(root.length)}`;
  };
}

/** `UserPage` is `<userPage>`. */
export function rootOf(component: string): string {
  return component.charAt(0).toLowerCase() + component.slice(1);
}

/** @param item what the items of all lists are called */
function compiler(schemas: Schemas, sparse: boolean, item: string | null): (schema: Schema) => Writer {
  const known = new Map<Schema, Writer>();
  const compile = (given: Schema): Writer => {
    const schema = resolve(given, schemas);
    let late = known.get(schema);
    if (late) return late;
    // A component may hold itself: whoever meets it again while it is made is given the way to it.
    known.set(schema, (value, name) => late!(value, name));
    late = nullable(writerOf(schema, compile, sparse, item));
    known.set(schema, late);
    return late;
  };
  return compile;
}

function writerOf(schema: Schema, compile: (schema: Schema) => Writer, sparse: boolean, item: string | null): Writer {
  const type = typeOf(schema);
  if (type === 'array') {
    const { items = { type: 'string' } } = schema;
    return listWriter(compile(items), item ?? (items.$ref ? rootOf(nameOf(items.$ref)) : 'item'));
  }
  if (type !== 'object') return (value, name) => `<${name}>${textOf(value)}</${name}>`;
  if (schema.properties) return objectWriter(schema, compile, sparse);
  const { additionalProperties } = schema;
  return typeof additionalProperties === 'object' ? mapWriter(compile(additionalProperties)) : freeWriter;
}

function nullable(write: Writer): Writer {
  return (value, name) => (value === null ? `<${name} xsi:nil="true"/>` : write(value, name));
}

function objectWriter(schema: Schema, compile: (schema: Schema) => Writer, sparse: boolean): Writer {
  const required = new Set(sparse ? [] : schema.required);
  const members = Object.entries(schema.properties!).map(
    ([name, property]) => [name, compile(property), required.has(name)] as const,
  );
  return (value, name) => {
    let text = `<${name}>`;
    for (const [member, write, isRequired] of members) {
      const held = (value as Record<string, unknown>)[member];
      if (held !== undefined) text += write(held, member);
      else if (isRequired) throw new Error(`"${member}" is required!`);
    }
    return `${text}</${name}>`;
  };
}

function listWriter(write: Writer, element: string): Writer {
  return (value, name) => {
    let text = `<${name}>`;
    for (const item of value as readonly unknown[]) text += write(item, element);
    return `${text}</${name}>`;
  };
}

function mapWriter(write: Writer): Writer {
  return (value, name) => {
    let text = `<${name}>`;
    for (const [key, held] of Object.entries(value as object))
      text += `<entry key="${attribute(key)}"${write(held, 'entry').slice('<entry'.length)}`;
    return `${text}</${name}>`;
  };
}

/** A free object says the type of everything in it, so that it can be read back. */
function freeWriter(value: unknown, name: string): string {
  return `<${name}>${entriesOf(value as object)}</${name}>`;
}

function entriesOf(object: object): string {
  return Object.entries(object)
    .map(([key, value]) => free(value, 'entry', ` key="${attribute(key)}"`))
    .join('');
}

function free(value: unknown, name: string, attributes = ''): string {
  if (value === undefined) return '';
  if (value === null) return `<${name}${attributes} type="null"/>`;
  if (Array.isArray(value))
    return `<${name}${attributes} type="array">${value.map((item) => free(item, 'item')).join('')}</${name}>`;
  if (typeof value === 'object' && !(value instanceof Date))
    return `<${name}${attributes} type="object">${entriesOf(value)}</${name}>`;
  const type = typeof value === 'number' || typeof value === 'boolean' ? typeof value : 'string';
  return `<${name}${attributes} type="${type}">${textOf(value)}</${name}>`;
}

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : escape(String(value));
}

const SPECIAL = /[&<>"'\r]/;
const SPECIALS: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // A bare one would be read as a line feed (XML 1.0, 2.11).
  '\r': '&#13;',
};
/** Not among the characters of XML 1.0 (2.2). */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function escape(text: string): string {
  const sane = (text.isWellFormed() ? text : text.toWellFormed()).replace(NOT_XML, '\ufffd');
  return SPECIAL.test(sane) ? sane.replace(/[&<>"'\r]/g, (character) => SPECIALS[character]!) : sane;
}

/** In an attribute white space would be turned into spaces too (XML 1.0, 3.3.3). */
function attribute(text: string): string {
  return escape(text).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}
