import { XmlRefused } from './xml-refused.js';

const MAX_DEPTH = 32;
/** Room for the key of an entry; a tag of a mebibyte of attributes holds a parser up for a second. */
const LONGEST_TAG = 20_000;
/** Each costs the parser a microsecond or more; no body of ours has a hundred. */
const MOST_ELEMENTS = 10_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What a body may begin with; any other encoding than UTF-8 is refused. */
const DECLARATION =
  /^\s*<\?xml\s+version\s*=\s*["']1\.[0-9]["'](?:\s+encoding\s*=\s*["'][Uu][Tt][Ff]-8["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/;
/** The five of XML, and characters by number; whatever else an ampersand begins was never declared. */
const REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)/;

/** What XML has no character for (1.0, 2.2); PostgreSQL neither, for a NUL. */
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const CDATA = '<![CDATA[';
const ILL_FORMED = 'The body is not well-formed XML';

/**
 * The text of an XML body, after one pass that refuses what a parser should never see: other encodings, document types
 * and with them every entity, processing instructions, comments, references to nothing, more than 32 levels, more than
 * 10,000 elements.
 * @throws XmlRefused
 */
export function soundXml(bytes: Uint8Array): string {
  const text = decode(bytes).replace(DECLARATION, '');
  if (NO_CHARACTER.test(text)) throw new XmlRefused('The body holds a character that XML does not have');
  scan(text);
  return text;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new XmlRefused('The body is not valid UTF-8');
  }
}

/** Reads as the parser will, mark by mark and each character once, before anything recurses. */
function scan(text: string): void {
  let depth = 0;
  let elements = 0;
  let from = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', from)) {
    refuseReferences(text.slice(from, at));
    if (text.startsWith(CDATA, at)) {
      from = endOf(text, ']]>', at) + 3;
      continue;
    }
    if (text[at + 1] === '!' && text.startsWith('--', at + 2)) throw new XmlRefused('Comments are not allowed');
    if (text[at + 1] === '!' || text[at + 1] === '?')
      throw new XmlRefused('Document types, entities and processing instructions are not allowed');
    const end = endOfTag(text, at);
    refuseReferences(text.slice(at, end));
    if (text[at + 1] === '/') depth -= 1;
    else if (text[end - 1] !== '/') depth += 1;
    if (depth > MAX_DEPTH) throw new XmlRefused(`The body is nested deeper than ${MAX_DEPTH} levels`);
    if ((elements += 1) > 2 * MOST_ELEMENTS) throw new XmlRefused(`The body has more than ${MOST_ELEMENTS} elements`);
    from = end + 1;
  }
  refuseReferences(text.slice(from));
}

function refuseReferences(markup: string): void {
  if (REFERENCE.test(markup)) throw new XmlRefused('A reference names an entity that XML does not have');
}

function endOf(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  if (end < 0) throw new XmlRefused(ILL_FORMED);
  return end;
}

/** The bracket that closes the tag, not one in the value of an attribute. Nothing opens inside of a tag (XML 1.0, 2.4). */
function endOfTag(text: string, from: number): number {
  let quote = '';
  for (let at = from + 1; at < text.length; at += 1) {
    const character = text[at]!;
    if (at - from > LONGEST_TAG) throw new XmlRefused('A tag is too long');
    if (character === '<') break;
    if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (quote === '' && character === '>') return at;
  }
  throw new XmlRefused(ILL_FORMED);
}
