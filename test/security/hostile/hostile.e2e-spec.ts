import { jest } from '@jest/globals';

import { TestApp } from '../../harness/app.js';
import { portOf } from '../../contract/wire.js';
import { BODY_TECHNIQUES } from './bodies.js';
import { Campaign, matrixOf } from './campaign.js';
import { REQUEST_TECHNIQUES } from './requests.js';
import { TYPE_TECHNIQUES } from './types.js';

// Tens of thousands of attacks, each on a connection of its own: as long as the document, and measures nothing.
jest.setTimeout(900_000);

const TECHNIQUES = [...BODY_TECHNIQUES, ...TYPE_TECHNIQUES, ...REQUEST_TECHNIQUES];

describe('input that means harm', () => {
  let app: TestApp;
  let campaign: Campaign;

  beforeAll(async () => {
    app = await TestApp.start();
    campaign = new Campaign(app, await portOf(app));
  });
  afterAll(async () => {
    process.stdout.write(`\n${matrixOf(campaign)}`);
    await app.stop();
  });

  it('comes in at least 40 techniques', () => {
    expect(TECHNIQUES.length).toBeGreaterThanOrEqual(40);
    expect(new Set(TECHNIQUES.map(({ name }) => name)).size).toBe(TECHNIQUES.length);
  });

  it('breaks no operation: no 5xx, no hang, no leak, and the server answers on', async () => {
    await campaign.run(TECHNIQUES, { width: 4 });
    expect(campaign.findings).toEqual([]);
    expect(campaign.rows.size).toBe(TECHNIQUES.length);
  });
});
