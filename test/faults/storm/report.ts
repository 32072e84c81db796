import type { ReaderVerdict } from './judge.js';
import type { StormReport } from './storm.js';

/** What a storm came to, to be read by people. */
export function tableOf(report: StormReport): string {
  const { seed, faults, acknowledged, refused, unknown, repeated, events, verdict, findings, seconds } = report;
  const kinds = [
    ['kill', 'kills -9 of an application'],
    ['crash', 'crashes of PostgreSQL'],
  ] as const;
  const each = kinds.flatMap(([kind, name]) => {
    const found = faults.filter((fault) => fault.kind === kind);
    if (found.length === 0) return [];
    const inFlight = found.map((fault) => fault.inFlightThere);
    return [
      `${found.length} ${name}; changes in flight at each: ${inFlight.join(' ')} (min ${Math.min(...inFlight)}, median ${median(inFlight)})`,
    ];
  });
  const { lost, halfWritten, doubled, unlike, doneThoughRefused } = verdict;
  return [
    `seed ${seed}, ${seconds} s`,
    ...each,
    `changes: ${acknowledged} acknowledged, ${refused} refused, ${unknown} without an answer, ${repeated} keys repeated; ${events} events`,
    `lost ${lost.length}, half-written ${halfWritten.length}, done twice ${doubled.length}, ` +
      `another object for a key ${unlike.length}, done though refused ${doneThoughRefused.length}`,
    row('reader', HEADINGS),
    ...Object.entries(verdict.readers).map(([name, reader]) => row(name, countsOf(reader))),
    ...findings.map((finding) => `FOUND ${finding}`),
  ].join('\n');
}

const HEADINGS = ['received', 'distinct', 'duplicates', 'missing', 'out of order', 'phantom', 'altered'];

function countsOf({ received, distinct, duplicates, missing, outOfOrder, phantom, altered }: ReaderVerdict): number[] {
  return [received, distinct, duplicates, missing.length, outOfOrder.length, phantom.length, altered.length];
}

function row(name: string, cells: readonly (string | number)[]): string {
  return [name.padEnd(10), ...cells.map((cell) => String(cell).padStart(13))].join('');
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
