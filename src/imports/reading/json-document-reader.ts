import { objectIn } from './json-lines-reader.js';
import { FileRefused, LONGEST_RECORD, faulty } from './source-row.js';
import type { RecordReader, SourceRow } from './source-row.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEW_LINE = 0x0a;
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d];
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d];
/** The member of a document that holds the people: of Keycloak's realms and of Firebase's exports alike. */
const LIST = 'users';

/**
 * Reads one JSON document that lists people, `{ …, "users": [ { … } ] }` or `[ { … } ]`, an object at a time: however
 * long the list, and whatever else stands in the document, no more than one of them is kept.
 */
export class JsonDocumentReader implements RecordReader {
  private rest = '';
  private depth = 0;
  private inText = false;
  private escaped = false;
  /** At which depth the objects of the list lie; null outside it. */
  private listAt: number | null = null;
  private found = false;
  /** Where in `rest` the text, or the object, that is open began. */
  private textFrom = 0;
  private objectFrom: number | null = null;
  private objectLine = 1;
  private tooLong = false;
  /** The newest text on the first level: the name of a member, if a list follows. */
  private lastName = '';

  /** @param line where in the file the text begins */
  constructor(private line = 1) {}

  read(piece: string): SourceRow[] {
    const rows: SourceRow[] = [];
    const from = this.rest.length;
    const text = this.rest + piece;
    for (let at = from; at < text.length; at += 1) this.step(text, at, rows);
    const kept = this.objectFrom ?? (this.inText && this.depth === 1 ? this.textFrom : text.length);
    this.keep(text, kept, rows);
    return rows;
  }

  end(): SourceRow[] {
    if (!this.found) throw new FileRefused('list_missing', `The document has no list of "${LIST}"`);
    if (this.depth > 0) return [faulty(this.objectLine, 'json_invalid', 'is cut off: the document has no end')];
    return [];
  }

  /** Everything before `from` is done with; what is too long is not kept either. */
  private keep(text: string, from: number, rows: SourceRow[]): void {
    const isTooLong = text.length - from > LONGEST_RECORD;
    if (isTooLong && this.objectFrom !== null && !this.tooLong) {
      rows.push(faulty(this.objectLine, 'record_too_long'));
      this.tooLong = true;
    }
    this.rest = isTooLong ? '' : text.slice(from);
    this.textFrom = 0;
    if (this.objectFrom !== null) this.objectFrom = 0;
  }

  private step(text: string, at: number, rows: SourceRow[]): void {
    const code = text.charCodeAt(at);
    if (code === NEW_LINE) this.line += 1;
    if (this.inText) this.stepInText(code, text, at);
    else if (code === QUOTE) {
      this.inText = true;
      this.textFrom = at;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) this.open(code, at);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) this.close(text, at, rows);
  }

  private stepInText(code: number, text: string, at: number): void {
    if (this.escaped) this.escaped = false;
    else if (code === BACKSLASH) this.escaped = true;
    else if (code === QUOTE) {
      this.inText = false;
      if (this.depth === 1) this.lastName = text.slice(this.textFrom + 1, at);
    }
  }

  private open(code: number, at: number): void {
    const isList = code === OPEN_LIST && (this.depth === 0 || (this.depth === 1 && this.lastName === LIST));
    this.depth += 1;
    if (isList && this.listAt === null && !this.found) {
      this.listAt = this.depth;
      this.found = true;
    } else if (code === OPEN_OBJECT && this.listAt !== null && this.depth === this.listAt + 1) {
      this.objectFrom = at;
      this.objectLine = this.line;
    }
  }

  private close(text: string, at: number, rows: SourceRow[]): void {
    this.depth -= 1;
    if (this.depth < 0) throw new FileRefused('json_invalid', 'The file is no JSON document');
    if (this.listAt !== null && this.depth < this.listAt) this.listAt = null;
    if (this.objectFrom === null || this.depth !== this.listAt) return;
    if (!this.tooLong) rows.push(objectIn(text.slice(this.objectFrom, at + 1), this.objectLine));
    this.tooLong = false;
    this.objectFrom = null;
  }
}
