import { jest } from '@jest/globals';
import fc from 'fast-check';

import { operationsOf } from '../../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../../src/platform/http/documented.js';
import { abreast } from '../../harness/abreast.js';
import { TestApp } from '../../harness/app.js';
import type { Answer } from '../../harness/household.js';
import { addressOf, sceneOf, withUniqueMembers } from '../../harness/scenes.js';
import { CALLERS, requestsOf } from './requests.js';
import type { Caller, Generated } from './requests.js';
import type { Schema } from './values.js';

// GENERATED_REQUESTS=100000 npm test -- test/security/generated
const REQUESTS = Number(process.env['GENERATED_REQUESTS'] ?? 2000);
/** The same in every usual run; printed, so that a longer one that found something can be run again. */
const SEED = Number(process.env['GENERATED_SEED'] ?? (REQUESTS === 2000 ? 2000 : randomSeed()));
const OFTEN_ENOUGH = 10;
/** Of each operation, however many there are: half are honest, and half of those by whoever may. */
const EACH_AT_LEAST = 30;

jest.setTimeout(600_000 + REQUESTS * 100);

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: DocumentedOperation;
}
type Tally = Record<Caller, { asked: number; well: number }>;

/** Requests made from the document: the answers are compared with it by the harness, as all answers are. */
describe('requests that nobody thought of', () => {
  const tallies = new Map<string, Tally>();
  let app: TestApp;
  let operations: Operation[];

  beforeAll(async () => {
    app = await TestApp.start();
    operations = operationsOf(app.app.document);
  });
  afterAll(async () => {
    process.stdout.write(`\n${shares(tallies)}seed ${SEED}\n`);
    await app.stop();
  });

  it('are answered as the document says, and never by a 5xx', async () => {
    const components = app.app.document.components!.schemas as Record<string, Schema>;
    const numRuns = Math.max(EACH_AT_LEAST, Math.ceil(REQUESTS / operations.length));
    await abreast(4, operations, async (each) => {
      const request = requestsOf(each.operation, components);
      const property = fc.asyncProperty(request, async (generated) => {
        const answer = await ask(each, generated);
        expect({ status: answer.status < 500, text: answer.status < 500 ? '' : answer.text }).toEqual({
          status: true,
          text: '',
        });
      });
      await fc.assert(property, { numRuns, seed: SEED, endOnFailure: true });
    });
  });

  it('reach what they ask for, for whoever may', () => {
    const seldom = operations.flatMap(({ operation }) => {
      const tally = tallies.get(operation.operationId)!;
      const may = callersOf(operation['x-permission']!).reduce((sum, caller) => sum + tally[caller].well, 0);
      return may < OFTEN_ENOUGH ? [`${operation.operationId}: ${may} times`] : [];
    });
    expect(seldom).toEqual([]);
  });

  it('get nothing for whoever may not', () => {
    const leaks = operations.flatMap(({ operation }) => {
      const tally = tallies.get(operation.operationId)!;
      const may = callersOf(operation['x-permission']!);
      return CALLERS.filter((caller) => !may.includes(caller) && tally[caller].well > 0).map(
        (caller) => `${operation.operationId} as ${caller}`,
      );
    });
    expect(leaks).toEqual([]);
  });

  async function ask({ path, method, operation }: Operation, generated: Generated): Promise<Answer<never>> {
    const { operationId } = operation;
    const person = generated.caller === 'admin' ? await app.people.admin() : await app.people.person();
    const victim = path.includes('{id}') ? await app.people.person() : person;
    const scene = generated.isHonest ? await sceneOf(operationId, app, person, victim) : {};
    // A wild id stands for every parameter of the path.
    const wild = generated.id !== null;
    const address = wild ? addressOf(path, {}, generated.id) : addressOf(path, scene, victim.id);
    const query = new URLSearchParams(generated.query).toString();
    const url = `${address}${query && `?${query}`}`;
    const body = generated.isHonest ? (scene.body ?? fresh(generated.body)) : generated.body;
    const token = generated.caller === 'anonymous' ? undefined : person.token;
    const answer = await app.send<never>(method.toUpperCase(), url, { token, body, headers: { ...generated.headers } });
    count(operationId, generated.caller, answer.status);
    return answer;
  }

  function count(operationId: string, caller: Caller, status: number): void {
    let tally = tallies.get(operationId);
    if (!tally) tallies.set(operationId, (tally = emptyTally()));
    tally[caller].asked += 1;
    if (status < 300) tally[caller].well += 1;
  }
});

function emptyTally(): Tally {
  return { anonymous: { asked: 0, well: 0 }, user: { asked: 0, well: 0 }, admin: { asked: 0, well: 0 } };
}

function fresh(body: unknown): unknown {
  return typeof body === 'object' && body !== null ? withUniqueMembers(body as Record<string, unknown>) : body;
}

function callersOf(policy: string): readonly Caller[] {
  if (policy === 'public') return CALLERS;
  return policy === 'authenticated' ? ['user', 'admin'] : ['admin'];
}

/** For each operation, how many of the requests of each caller were answered 2xx. */
function shares(tallies: ReadonlyMap<string, Tally>): string {
  let all = 0;
  const lines = [...tallies].map(([operationId, tally]) => {
    const parts = CALLERS.map((caller) => {
      const { asked, well } = tally[caller];
      all += asked;
      return `${caller} ${well}/${asked}`.padEnd(18);
    });
    return `${operationId.padEnd(24)} 2xx: ${parts.join('  ')}`;
  });
  return `${lines.join('\n')}\n${all} generated requests, ${tallies.size} operations\n`;
}

function randomSeed(): number {
  return Math.floor(performance.timeOrigin) % 0x7fffffff;
}
