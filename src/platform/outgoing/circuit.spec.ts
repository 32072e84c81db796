import { setTimeout as pause } from 'node:timers/promises';

import { Clock } from '../clock/clock.js';
import { CallRefused, CallTimedOut, Circuit } from './circuit.js';
import type { Manners, Result } from './circuit.js';

class MovedClock extends Clock {
  lead = 0;
  override millis(): number {
    return super.millis() + this.lead;
  }
}

const MANNERS: Manners = {
  timeout: 1000,
  retries: 0,
  breaker: { failures: 2, resetAfter: 60_000 },
  concurrency: 2,
  queue: 1,
};

function made(manners: Partial<Manners> = {}) {
  const clock = new MovedClock();
  const told: Result[] = [];
  return { clock, told, circuit: new Circuit({ ...MANNERS, ...manners }, clock, (result) => told.push(result)) };
}

const failing = (): Promise<never> => Promise.reject(new Error('away'));
const resultOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

describe('a call that leaves the house', () => {
  it('gives what it was told', async () => {
    const { circuit, told } = made();
    expect(await circuit.execute(() => Promise.resolve(7))).toBe(7);
    expect([circuit.state(), told]).toEqual(['closed', ['done']]);
  });

  it('is broken off when it takes too long, also by whoever does not listen', async () => {
    const { circuit, told } = made({ timeout: 20 });
    let signal: AbortSignal | undefined;
    const call = circuit.execute((given) => {
      signal = given;
      return pause(5000, undefined, { ref: false });
    });
    await expect(call).rejects.toThrow(CallTimedOut);
    expect([signal!.aborted, told]).toEqual([true, ['timed_out']]);
  });

  it('is not made after so many failures, until the time is over; then one asks for all', async () => {
    const { circuit, clock, told } = made();
    for (let call = 0; call < 2; call += 1) await expect(circuit.execute(failing)).rejects.toThrow('away');
    expect(circuit.state()).toBe('open');
    await expect(circuit.execute(failing)).rejects.toThrow(CallRefused);
    clock.lead = 59_000;
    await expect(circuit.execute(failing)).rejects.toThrow(CallRefused);
    clock.lead = 61_000;
    const { promise, resolve } = Promise.withResolvers<string>();
    const asks = circuit.execute(() => promise);
    expect(circuit.state()).toBe('half_open');
    // At once: it does not wait for the one that decides.
    await expect(circuit.execute(() => Promise.resolve('other'))).rejects.toThrow(CallRefused);
    resolve('there');
    expect([await asks, circuit.state()]).toEqual(['there', 'closed']);
    expect(told).toEqual(['failed', 'failed', 'refused', 'refused', 'refused', 'done']);
  });

  it('opens again when the one that asks fails, and rests as long', async () => {
    const { circuit, clock } = made({ breaker: { failures: 1, resetAfter: 1000 } });
    await resultOf(circuit.execute(failing));
    clock.lead = 1100;
    await expect(circuit.execute(failing)).rejects.toThrow('away');
    clock.lead = 2000;
    expect(await resultOf(circuit.execute(failing))).toBeInstanceOf(CallRefused);
    clock.lead = 2200;
    expect(await circuit.execute(() => Promise.resolve('there'))).toBe('there');
  });

  it('does not count an error that is about the call alone', async () => {
    const { circuit } = made({ isFailure: (error) => (error as Error).message === 'away' });
    const wrong = (): Promise<never> => Promise.reject(new Error('wrong'));
    for (let call = 0; call < 5; call += 1) await expect(circuit.execute(wrong)).rejects.toThrow('wrong');
    expect(circuit.state()).toBe('closed');
  });

  it('tries again with a pause, and tells of the whole once', async () => {
    const { circuit, told } = made({ retries: 3, breaker: { failures: 10, resetAfter: 1000 } });
    let tries = 0;
    const call = circuit.execute(() => ((tries += 1) < 3 ? failing() : Promise.resolve('there')));
    expect([await call, tries, told]).toEqual(['there', 3, ['done']]);
  });

  it('has so many at once, lets some wait, and refuses the others', async () => {
    const { circuit } = made();
    const { promise, resolve } = Promise.withResolvers<string>();
    const calls = [1, 2, 3].map(() => circuit.execute(() => promise));
    expect([circuit.running(), circuit.waiting()]).toEqual([2, 1]);
    await expect(circuit.execute(() => promise)).rejects.toThrow('Too many calls wait');
    expect(circuit.state()).toBe('closed');
    resolve('there');
    expect(await Promise.all(calls)).toEqual(['there', 'there', 'there']);
    expect([circuit.running(), circuit.waiting(), circuit.pending]).toEqual([0, 0, 0]);
  });
});
