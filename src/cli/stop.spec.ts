import { Logs } from '../platform/logging/logger.js';
import { Interrupted, Stop } from './stop.js';

function aStop(): { stop: Stop; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { stop: new Stop(new Logs({ level: 'error', pretty: false, destination }), 10_000), lines };
}

describe('a stop', () => {
  it('takes away the newest first, each after the one before', async () => {
    const { stop } = aStop();
    const order: string[] = [];
    stop.first('database', () => order.push('database'));
    stop.first('server', async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      order.push('server');
    });
    expect(await stop.everything()).toBe(true);
    expect(order).toEqual(['server', 'database']);
  });

  it('goes on after a step that fails, says so, and is not in order', async () => {
    const { stop, lines } = aStop();
    let ended = false;
    stop.first('database', () => (ended = true));
    stop.first('server', () => Promise.reject(new Error('stuck')));
    expect([await stop.everything(), ended]).toEqual([false, true]);
    expect(lines.join()).toMatch(/"step":"server".*did not stop in order/);
  });

  it('lets work be whatever it is while nobody asks', async () => {
    const { stop } = aStop();
    expect(await stop.unlessAsked(Promise.resolve(1))).toBe(1);
    await expect(stop.unlessAsked(Promise.reject(new Error('no')))).rejects.not.toBeInstanceOf(Interrupted);
  });
});
