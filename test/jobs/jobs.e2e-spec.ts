import { setTimeout as pause } from 'node:timers/promises';

import { Jobs, defineJob } from '../../src/jobs/index.js';
import { TestApp } from '../harness/app.js';

const Thin = defineJob<{ n: number }>('test.thin', { maxAttempts: 3 });

describe('a job', () => {
  it('is done', async () => {
    const seen: number[] = [];
    const app = await TestApp.start({ work: (jobs) => jobs.work(Thin, ({ n }) => seen.push(n)) });
    try {
      const id = await app.get(Jobs).enqueue(Thin, { n: 1 });
      await pause(300);
      console.log(seen, await app.sql('SELECT * FROM roster.jobs WHERE id = $1', [id]));
    } finally {
      await app.stop();
    }
  });
});
