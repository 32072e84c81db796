import { setTimeout as sleep } from 'node:timers/promises';

import { TestApp } from '../harness/app.js';
import { freshDatabase } from '../harness/database.js';
import { unique } from '../harness/people.js';
import { register } from '../mail/letters.js';
import { freePort } from '../harness/free-port.js';
import { closeManagement, openManagement } from './management.js';
import type { Ask } from './management.js';

interface Policy {
  readonly name: string;
  readonly states: Readonly<Record<'closed' | 'open' | 'half_open', number>>;
  readonly results: Readonly<Record<'done' | 'failed' | 'timed_out' | 'refused', number>>;
  readonly manners: { readonly timeout: number; readonly breaker: object; readonly concurrency: number };
}

/** Mail, webhooks and the broker call others by one policy, and operators see how it goes, at both places alike. */
describe('calls to others', () => {
  let app: TestApp;
  let ask: Ask;

  beforeAll(async () => {
    const smtp = await freePort();
    app = await TestApp.start({
      database: await freshDatabase('outgoing'),
      settings: { SMTP_URL: `smtp://127.0.0.1:${smtp}`, NATS_URL: `nats://127.0.0.1:${await freePort()}` },
    });
    ({ ask } = await openManagement(app));
  });
  afterAll(async () => {
    await closeManagement(app);
    await app.stop();
  });

  const policies = async (): Promise<Policy[]> => (await ask<{ data: Policy[] }>('GET', '/ops/outgoing')).body.data;
  /** Waits until a policy has had a call that failed. */
  async function failedOf(name: string): Promise<Policy> {
    for (let tries = 0; tries < 400; tries += 1) {
      const policy = (await policies()).find((each) => each.name === name)!;
      if (policy.results.failed > 0) return policy;
      await sleep(50);
    }
    throw new Error(`No call of ${name} failed`);
  }

  it('are those of mail, webhooks and the broker, each with a time-out, a breaker and a bound', async () => {
    const all = await policies();
    expect(all.map(({ name }) => name).sort()).toEqual(['jetstream', 'mail', 'nats', 'webhooks']);
    for (const { manners } of all)
      expect(manners).toMatchObject({
        timeout: expect.any(Number),
        breaker: { failures: expect.any(Number), resetAfter: expect.any(Number) },
        concurrency: expect.any(Number),
      });
  });

  it.each(['mail', 'nats'])('of %s that find nobody open its circuit, here and in the metrics', async (name) => {
    if (name === 'mail') expect((await register(app, `${unique('away')}@example.com`)).status).toBe(202);
    const { results } = await failedOf(name);
    const { text } = await ask('GET', '/metrics');
    const measured = (metric: string): number =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${metric} `))
          ?.split(' ')
          .at(-1),
      );
    expect(measured(`outgoing_calls_total{policy="${name}",result="failed"}`)).toBeGreaterThanOrEqual(results.failed);
    // What is open is tried again now and then: half open it is not closed either.
    const states = ['open', 'half_open'].map((state) =>
      measured(`outgoing_circuits{policy="${name}",state="${state}"}`),
    );
    if (name === 'mail') expect(states[0]! + states[1]!).toBe(1);
    else expect(measured(`outgoing_circuits{policy="${name}",state="closed"}`) + states[0]! + states[1]!).toBe(1);
    expect(measured(`outgoing_call_duration_seconds_count{policy="${name}"}`)).toBeGreaterThan(0);
  });
});
