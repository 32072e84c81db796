export const MOST_COLUMNS = 200;

/** How one record ended: where the next begins, or that there is more of it to come. */
export type Scanned = { readonly cells: string[]; readonly next: number; readonly misplaced: boolean } | 'incomplete';

/**
 * Finds the records of a text. However they lie, it is gone through a few times at most: whoever writes a file must not
 * choose how long we look at it. So a record that is bad already ends with its line, as a quote in the middle or a
 * surplus of cells make it: else each line of it could be the beginning of another that is just as long.
 */
export class CsvRecords {
  private readonly lineFeeds: Ahead;
  private readonly delimiters: Ahead;

  constructor(
    private readonly text: string,
    private readonly delimiter: string,
  ) {
    this.lineFeeds = new Ahead(text, '\n');
    this.delimiters = new Ahead(text, delimiter);
  }

  /** The record that begins here, up to its line feed. */
  at(start: number): Scanned {
    const { text, delimiter } = this;
    const cells: string[] = [];
    let misplaced = false;
    for (let at = start; ;) {
      if (text[at] === '"' && !misplaced && cells.length < MOST_COLUMNS) {
        const end = closingQuote(text, at + 1);
        // Whether it closes, or is one of two, is told by what comes after.
        if (end < 0 || end + 1 >= text.length) return 'incomplete';
        cells.push(text.slice(at + 1, end).replaceAll('""', '"'));
        at = end + 1;
        if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
        if (text[at] === '\n') return { cells, next: at + 1, misplaced };
        if (text[at] === delimiter) {
          at += 1;
          continue;
        }
        misplaced = true;
      }
      const lineEnd = this.lineFeeds.from(at);
      if (lineEnd === Infinity) return 'incomplete';
      // Of a surplus all cells are one: empty, if each of them is.
      const isSurplus = cells.length === MOST_COLUMNS;
      const cellEnd = isSurplus ? Infinity : this.delimiters.from(at);
      const cell = text.slice(at, Math.min(cellEnd, lineEnd));
      misplaced ||= !isSurplus && cell.includes('"');
      if (cellEnd > lineEnd) {
        const last = cell.endsWith('\r') ? cell.slice(0, -1) : cell;
        cells.push(isSurplus ? last.replaceAll(delimiter, '') : last);
        return { cells, next: lineEnd + 1, misplaced };
      }
      cells.push(cell);
      at = cellEnd + 1;
    }
  }
}

/** Where the next of a sign is: what was looked through once is not looked through again. */
class Ahead {
  private after = 0;
  private found = -1;

  constructor(
    private readonly text: string,
    private readonly sign: string,
  ) {}

  /** Infinity if there is none. */
  from(at: number): number {
    if (at < this.after || at > this.found) {
      const found = this.text.indexOf(this.sign, at);
      this.after = at;
      this.found = found < 0 ? Infinity : found;
    }
    return this.found;
  }
}

function closingQuote(text: string, from: number): number {
  for (let at = from; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0 || text[quote + 1] !== '"') return quote;
    at = quote + 2;
  }
}
