import type { FastifyInstance } from 'fastify';

import { AppModule } from '../../../src/app.module.js';
import { TestApp } from '../../harness/app.js';
import { portOf } from '../../contract/wire.js';
import { BODY_TECHNIQUES } from './bodies.js';
import { Campaign } from './campaign.js';
import { PlantedFaults } from './planted.controller.js';
import { REQUEST_TECHNIQUES } from './requests.js';
import { TYPE_TECHNIQUES } from './types.js';

/** Operation, technique and what is said of it, for each fault that was planted. */
const FAULTS: readonly [string, string, string, RegExp][] = [
  ['a name from the query in SQL', 'planted.sort', 'sorts that inject', /answered 500|was not refused/],
  ['a route that lost its guard', 'planted.unguarded', 'tokens that are none', /was not refused: 200/],
  ['a HEAD that nobody guards', 'planted.bypass', 'HEAD past the guard', /was not refused: 200/],
  ['an id that nobody checks', 'planted.id', 'ids that are none', /answered 500/],
  ['members that nobody knows', 'planted.assignment', 'privileged members', /was not refused: 2/],
  ['an unparsed content type', 'planted.types', TYPE_TECHNIQUES[0]!.name, /was not refused: 2/],
  ['a stack in an answer', 'planted.stack', 'what is no object', /leaks/],
  ['a failure in another shape', 'planted.shape', 'privileged members', /answered 500|in another shape/],
  ['a header made of a parameter', 'planted.echo', 'filters that inject', /answered 500/],
  ['a request that is never answered', 'planted.silence', 'strange preferences', /closed without an answer|took/],
];
const ASKED = new Set(FAULTS.map(([, , technique]) => technique));
/** Milliseconds: long beside an honest answer, short beside the patience of a test. */
const SLOW = 5000;

/** What a hurried fix for an unknown media type looks like: the body is let through unread. */
function readAnything(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume().on('end', () => done(null, undefined));
  });
}

describe('the set of hostile inputs', () => {
  let app: TestApp;
  let campaign: Campaign;

  beforeAll(async () => {
    app = await startFaulty();
    const port = await portOf(app);
    campaign = new Campaign(app, port, SLOW);
    const known = (name: string): boolean => ASKED.has(name);
    const techniques = [...BODY_TECHNIQUES, ...TYPE_TECHNIQUES, ...REQUEST_TECHNIQUES].filter(({ name }) =>
      known(name),
    );
    await campaign.run(techniques, { only: (operationId) => operationId.startsWith('planted.') });
  }, 300_000);
  afterAll(() => app.stop());

  it.each(FAULTS)('finds %s', (_, operationId, technique, fault) => {
    const found = campaign.findings.filter((finding) => finding.operationId === operationId);
    expect(found).toContainEqual({ operationId, technique, fault: expect.stringMatching(fault) as string });
  });
});

/** The whole house, with a room that should not be there. */
async function startFaulty(): Promise<TestApp> {
  Reflect.defineMetadata('controllers', [PlantedFaults], AppModule);
  try {
    return await TestApp.start({ watched: false, prepare: readAnything, patient: false });
  } finally {
    Reflect.deleteMetadata('controllers', AppModule);
  }
}
