import { XmlRefused } from './xml-refused.js';

const MAX_DEPTH = 32;
/** Room for the key of an entry; a tag of a mebibyte of attributes holds a parser up for a second. */
const LONGEST_TAG = 20_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What a body may begin with; any other encoding than UTF-8 is refused. */
const DECLARATION =
  /^\s*<\?xml\s+version\s*=\s*["']1\.[0-9]["'](?:\s+encoding\s*=\s*["'][Uu][Tt][Ff]-8["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/;
/** The five of XML, and characters by number; whatever else an ampersand begins was never declared. */
const REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)/;

/**
 * The text of an XML body, after one pass that refuses what a parser should never see: other encodings, document types
 * and with them every entity, processing instructions, references to nothing, and more than 32 levels.
 * @throws XmlRefused
 */
export function soundXml(bytes: Uint8Array): string {
  const text = decode(bytes).replace(DECLARATION, '');
  if (/<[!?](?!\[CDATA\[|--)/.test(text))
    throw new XmlRefused('Document types, entities and processing instructions are not allowed');
  if (text.includes('<!--')) throw new XmlRefused('Comments are not allowed');
  const markup = withoutCdata(text);
  if (REFERENCE.test(markup)) throw new XmlRefused('A reference names an entity that XML does not have');
  refuseDepth(markup);
  return text;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new XmlRefused('The body is not valid UTF-8');
  }
}

const CDATA = '<![CDATA[';

/** By its marks, not by a pattern: one that looks for each end anew takes hours over a body of beginnings. */
function withoutCdata(text: string): string {
  let markup = '';
  let from = 0;
  for (let at = text.indexOf(CDATA); at >= 0; at = text.indexOf(CDATA, from)) {
    const end = text.indexOf(']]>', at);
    if (end < 0) throw new XmlRefused('The body is not well-formed XML');
    markup += text.slice(from, at);
    from = end + 3;
  }
  return markup + text.slice(from);
}

/** Counted by the brackets alone, before anything recurses. */
function refuseDepth(text: string): void {
  let depth = 0;
  for (let at = text.indexOf('<'); at >= 0;) {
    const end = text.indexOf('>', at);
    const next = text.indexOf('<', at + 1);
    // Nothing opens inside of a tag (XML 1.0, 2.4): else each would be looked through to the same end.
    if (end < 0 || (next >= 0 && next < end)) throw new XmlRefused('The body is not well-formed XML');
    if (end - at > LONGEST_TAG) throw new XmlRefused('A tag is too long');
    if (text[at + 1] === '/') depth -= 1;
    else if (text[end - 1] !== '/') depth += 1;
    if (depth > MAX_DEPTH) throw new XmlRefused(`The body is nested deeper than ${MAX_DEPTH} levels`);
    at = next;
  }
}
