import { DatabaseTimeout } from '../platform/database/impatient-client.js';
import { patiently } from './patiently.js';

describe('long work', () => {
  it('goes on after the database was too busy for a moment', async () => {
    const tries = [new DatabaseTimeout(), new DatabaseTimeout()];
    const work = async (): Promise<string> => {
      const fault = tries.pop();
      if (fault) throw fault;
      return Promise.resolve('done');
    };
    expect(await patiently(work, undefined)).toBe('done');
  });

  it('stops at what is no fault of the database, and at its signal', async () => {
    let tries = 0;
    const broken = async (): Promise<never> => {
      tries += 1;
      return Promise.reject(new TypeError('broken'));
    };
    await expect(patiently(broken, undefined)).rejects.toThrow('broken');
    expect(tries).toBe(1);
    const away = async (): Promise<never> => Promise.reject(new DatabaseTimeout());
    await expect(patiently(away, AbortSignal.timeout(50))).rejects.toThrow('aborted');
  });
});
