import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

import { AuditLog, checkpointKeys, verifyExport } from '../audit/index.js';
import type { ChainReport } from '../audit/index.js';
import { OperatorFault } from '../platform/config/operator-fault.js';
import type { Invocation } from './invocation.js';
import { Progress } from './progress.js';

/** @returns 1 if anything was changed */
export async function verifyAudit(invocation: Invocation): Promise<number> {
  const { answer, file, key, expectSeq } = invocation;
  const progress = new Progress('Verifying');
  const report = file === null ? await verifyDatabase(progress) : await verifyFile(file, invocation, progress);
  progress.end();
  const unsigned = file !== null && key === null;
  answer(textOf(report, { unsigned, endless: file !== null && expectSeq === null }), report);
  return report.verified ? 0 : 1;
}

async function verifyDatabase(progress: Progress): Promise<ChainReport> {
  const { withApplication } = await import('./application.js');
  return withApplication((app) => app.get(AuditLog).verifyAll((seq, of) => progress.reach(seq, of)));
}

async function verifyFile(file: string, given: Invocation, progress: Progress): Promise<ChainReport> {
  const expected = {
    keys: keysIn(given.key),
    firstSeq: seqIn('from-seq', given.fromSeq) ?? 1,
    lastSeq: seqIn('expect-seq', given.expectSeq),
  };
  try {
    const { size } = await stat(file);
    const bytes = createReadStream(file);
    return await verifyExport(bytes, expected, () => progress.reach(bytes.bytesRead, size));
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    throw syscall ? new OperatorFault(`The file ${file} cannot be read (${code}).`) : error;
  }
}

function keysIn(text: string | null): NonNullable<ReturnType<typeof checkpointKeys>> {
  const keys = checkpointKeys(text?.split(',') ?? []);
  if (!keys) throw new OperatorFault('--key takes public keys of 43 characters (base64url), with commas between them.');
  return keys;
}

function seqIn(option: string, text: string | null): number | null {
  if (text === null) return null;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new OperatorFault(`--${option} takes a whole number from 1.`);
  return Number(text);
}

/** What could not be verified: the signatures, or that nothing was cut off at the end. */
interface Unverified {
  readonly unsigned: boolean;
  readonly endless: boolean;
}

function textOf(report: ChainReport, { unsigned, endless }: Unverified): string {
  const { verified, entries, checkpoints, firstSeq, lastSeq, lastCheckpointSeq, retiredSeq, faults } = report;
  const range = firstSeq === null ? 'no entries' : `${entries} entries, ${firstSeq} to ${lastSeq}`;
  const signed = unsigned
    ? 'Signatures were not verified: whoever made the whole file anew is only found with --key.'
    : `${checkpoints} checkpoints are signed, the last at ${lastCheckpointSeq ?? 'none'}.`;
  return [
    `${verified ? '✓ Nothing was changed' : '✗ The log was changed'}: ${range}.`,
    signed,
    ...(retiredSeq === null
      ? []
      : [`Up to ${retiredSeq} they were let go, which is ${unsigned ? 'written' : 'signed'}.`]),
    ...(endless ? ['The end was not verified: entries that were cut off are only found with --expect-seq.'] : []),
    ...faults.map(({ seq, code, detail }) => `  ${String(seq).padEnd(12)}${code.padEnd(24)}${detail}`),
  ].join('\n');
}
