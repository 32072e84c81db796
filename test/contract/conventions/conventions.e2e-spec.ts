import { jest } from '@jest/globals';

import { abreast } from '../../harness/abreast.js';
import { TestApp } from '../../harness/app.js';
import { ACCESS } from './access.js';
import { DEEDS } from './deeds.js';
import { Honest } from './honest.js';
import { NEGOTIATION } from './negotiation.js';

jest.setTimeout(300_000);

const CONVENTIONS = [...NEGOTIATION, ...DEEDS, ...ACCESS];

/** Every convention is put to the proof on every operation that it is about: on those that come next year too. */
describe('every operation', () => {
  let honest: Honest;
  let proofs = 0;

  beforeAll(async () => {
    // High enough that nobody is limited, so that the limits are told all the same.
    const high = '1000000/60s';
    const settings = { RATE_LIMITS: 'on', RATE_LIMIT_READ: high, RATE_LIMIT_WRITE: high, RATE_LIMIT_CREDENTIALS: high };
    honest = new Honest(await TestApp.start({ settings }));
  });
  afterAll(async () => {
    const { length } = honest.operations;
    process.stdout.write(`\n${length} operations, ${CONVENTIONS.length} conventions, ${proofs} proofs\n`);
    await honest.app.stop();
  });

  it.each(CONVENTIONS)('$name', async ({ on, prove }) => {
    const about = honest.operations.filter((operation) => on(operation, honest.operations));
    expect(about).not.toEqual([]);
    const faults: string[] = [];
    await abreast(4, about, async (operation) => {
      const fault = await prove(honest, operation);
      proofs += 1;
      if (fault !== null) faults.push(`${operation.operationId}: ${fault}`);
    });
    expect(faults).toEqual([]);
  });
});
