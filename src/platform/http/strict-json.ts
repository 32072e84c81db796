const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);
const OBJECT = 0x7b;
const COLON = 0x3a;

/** Why a body is refused; the sentence may be shown to the caller. */
export class JsonRefused extends Error {}

const MAX_DEPTH = 32;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads JSON (RFC 8259) more strictly than `JSON.parse`: UTF-8 only, each key once, no `__proto__`, no NUL and no lone
 * surrogate in any text, at most 32 levels. The depth is counted before anything recurses.
 * @throws JsonRefused
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  return parseStrictText(decode(bytes));
}

/** The same of what was decoded already. @throws JsonRefused */
export function parseStrictText(text: string): unknown {
  scan(text);
  try {
    return JSON.parse(text);
  } catch {
    // V8's message quotes the body, which may hold a password.
    throw new JsonRefused('The body is not well-formed JSON');
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new JsonRefused('The body is not valid UTF-8');
  }
}

/** One pass over the text, with a stack of the keys seen in each open object. */
function scan(text: string): void {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      const value = readString(text.slice(at, end + 1));
      if (isKey(text, end)) addKey(open.at(-1), value);
      at = end;
    } else if (OPEN.has(code)) {
      open.push(code === OBJECT ? new Set() : null);
      if (open.length > MAX_DEPTH) throw new JsonRefused(`The body is nested deeper than ${MAX_DEPTH} levels`);
    } else if (CLOSE.has(code)) {
      open.pop();
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
  }
  throw new JsonRefused('The body is not well-formed JSON');
}

function readString(literal: string): string {
  // Nothing escaped: the literal is the value. A raw NUL is no JSON and is refused by JSON.parse.
  const value = literal.includes('\\') ? unescape(literal) : literal.slice(1, -1);
  if (value.includes('\0')) throw new JsonRefused('A text contains a NUL');
  if (!value.isWellFormed()) throw new JsonRefused('A text contains half a surrogate pair');
  return value;
}

function unescape(literal: string): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new JsonRefused('The body is not well-formed JSON');
  }
}

function isKey(text: string, end: number): boolean {
  for (let at = end + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code === COLON;
  }
  return false;
}

function addKey(keys: Set<string> | null | undefined, key: string): void {
  if (key === '__proto__') throw new JsonRefused('The key "__proto__" is not allowed');
  if (!keys) return;
  if (keys.has(key)) throw new JsonRefused('A key stands twice in one object');
  keys.add(key);
}
