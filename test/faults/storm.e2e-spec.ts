import { jest } from '@jest/globals';

import { tableOf } from './storm/report.js';
import { storm } from './storm/storm.js';

jest.setTimeout(600_000);

describe('kills and crashes under load', () => {
  it('lose nothing', async () => {
    const report = await storm({
      seed: Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000),
      kills: 4,
      crashes: 4,
    });
    process.stdout.write(`\n${tableOf(report)}\n`);
    expect([report.findings, report.surprises]).toEqual([[], []]);
  });
});
