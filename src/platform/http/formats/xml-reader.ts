import { XMLParser, XMLValidator } from 'fast-xml-parser';

import { resolve, typeOf } from './schema.js';
import type { Schema, Schemas } from './schema.js';
import { rootOf } from './xml-writer.js';
import { soundXml } from './xml-depth.js';
import { XmlRefused } from './xml-refused.js';

/** An element as the parser keeps the order of a document: its children under its name, its attributes beside them. */
interface Node {
  readonly [name: string]: unknown;
}
const ATTRIBUTES = ':@';
const TEXT = '#text';
const CDATA = '#cdata';

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  cdataPropName: CDATA,
  // Entities are ours to read: a document that declares any was refused before.
  processEntities: false,
});

/**
 * A reader for one component of the document: XML as `xmlWriter` writes it becomes the value that JSON would have
 * been, by the types of the schema. A text that is not of its type stays a text, and a member that nobody knows stays a
 * member, for the validation to name.
 * @param also other components whose names the root may bear: an answer may be changed and sent back
 * @returns throws XmlRefused for what is not sound or not of the form
 */
export function xmlReader(
  component: string,
  schemas: Schemas,
  also: readonly string[] = [],
): (bytes: Uint8Array) => unknown {
  const schema = resolve({ $ref: component }, schemas);
  const roots = [component, ...also].map(rootOf);
  return (bytes) => {
    const text = soundXml(bytes);
    const fault = XMLValidator.validate(text);
    if (fault !== true) throw new XmlRefused('The body is not well-formed XML');
    const elements = elementsOf(parse(text));
    const [only, ...more] = elements;
    if (!only || more.length > 0) throw new XmlRefused('The body must have one root element');
    if (!roots.includes(nameOf(only))) throw new XmlRefused(`The root element must be <${roots.join('> or <')}>`);
    return read(only, schema, schemas);
  };
}

function parse(text: string): readonly Node[] {
  try {
    return parser.parse(text) as readonly Node[];
  } catch {
    // The parser's message quotes the body, which may hold a password.
    throw new XmlRefused('The body is not well-formed XML');
  }
}

function nameOf(node: Node): string {
  return Object.keys(node).find((name) => name !== ATTRIBUTES)!;
}

function childrenOf(node: Node): readonly Node[] {
  return node[nameOf(node)] as readonly Node[];
}

function attributesOf(node: Node): Readonly<Record<string, string>> {
  return (node[ATTRIBUTES] ?? {}) as Record<string, string>;
}

function isText(node: Node): boolean {
  return TEXT in node || CDATA in node;
}

/** @throws XmlRefused for text beside elements */
function elementsOf(nodes: readonly Node[]): readonly Node[] {
  const elements = nodes.filter((node) => !isText(node));
  if (elements.length > 0 && nodes.some((node) => isText(node) && rawText(node).trim() !== ''))
    throw new XmlRefused('An element holds text beside elements');
  return elements;
}

function rawText(node: Node): string {
  if (TEXT in node) return unescape(String(node[TEXT]));
  // What stands in CDATA is the text itself.
  return (node[CDATA] as readonly Node[]).map((part) => String(part[TEXT])).join('');
}

function read(node: Node, given: Schema, schemas: Schemas): unknown {
  const attributes = attributesOf(node);
  if (attributes['xsi:nil'] === 'true') return null;
  const schema = resolve(given, schemas);
  const type = typeOf(schema);
  if (type === 'object') {
    // A text where an object belongs is what the validation has to refuse.
    if (childrenOf(node).every(isText) && textOnly(node).trim() !== '') return textOnly(node);
    if (!schema.properties) return readEntries(node);
    const { properties } = schema;
    return readMembers(node, (name) => (Object.hasOwn(properties, name) ? properties[name] : undefined), schemas);
  }
  if (type === 'array') return childElements(node).map((item) => read(item, schema.items ?? {}, schemas));
  return scalar(textOf(node), type);
}

/** Elements that nobody knows are kept as texts, or as what they hold. */
function readMembers(node: Node, schemaOf: (name: string) => Schema | undefined, schemas: Schemas): unknown {
  const members = new Map<string, unknown>();
  for (const element of childElements(node)) {
    const name = nameOf(element);
    if (members.has(name)) throw new XmlRefused('An element stands twice where there can be one');
    const known = schemaOf(name);
    members.set(name, known ? read(element, known, schemas) : textOnly(element));
  }
  return asObject(members);
}

/** `<entry key="…" type="…">`; without a type a text. */
function readEntries(node: Node): object {
  const entries = new Map<string, unknown>();
  for (const element of childElements(node)) {
    const { key } = attributesOf(element);
    if (nameOf(element) !== 'entry' || key === undefined)
      throw new XmlRefused('A free object holds <entry key="…"> elements');
    const name = unescape(key);
    if (entries.has(name)) throw new XmlRefused('A key stands twice in one object');
    entries.set(name, readFree(element));
  }
  return asObject(entries);
}

function readFree(node: Node): unknown {
  const { type = 'string' } = attributesOf(node);
  if (type === 'null') return null;
  if (type === 'array') return childElements(node).map(readFree);
  return type === 'object' ? readEntries(node) : scalar(textOf(node), type);
}

function childElements(node: Node): readonly Node[] {
  return elementsOf(childrenOf(node));
}

function textOf(node: Node): string {
  if (!childrenOf(node).every(isText)) throw new XmlRefused('An element holds elements where a text belongs');
  return textOnly(node);
}

function textOnly(node: Node): string {
  return childrenOf(node).filter(isText).map(rawText).join('');
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function scalar(text: string, type: string): unknown {
  if ((type === 'integer' || type === 'number') && NUMBER.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** @throws XmlRefused for a character that XML does not have */
function unescape(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x?)?(\w+);/g, (_, number: string | undefined, name: string) => {
    if (number === undefined) return Object.hasOwn(NAMED, name) ? NAMED[name]! : refuseEntity();
    const code = Number.parseInt(name, number === '#x' ? 16 : 10);
    if (!isCharacter(code)) throw new XmlRefused('A reference names a character that XML does not have');
    return String.fromCodePoint(code);
  });
}

function refuseEntity(): never {
  throw new XmlRefused('A reference names an entity that XML does not have');
}

/** XML 1.0, 2.2 */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

/** A member of any name is a member, and nothing else. */
function asObject(members: ReadonlyMap<string, unknown>): object {
  if (members.has('__proto__')) throw new XmlRefused('The member "__proto__" is not allowed');
  return Object.fromEntries(members);
}
