import { Turns } from './turns.js';

describe('turns', () => {
  it('are so many at the same time, in order, and each is given back once', async () => {
    const turns = new Turns(2);
    const [first] = [await turns.take(), await turns.take()];
    const begun: string[] = [];
    const third = turns.take().then((release) => (begun.push('third'), release));
    const fourth = turns.take().then((release) => (begun.push('fourth'), release));
    await Promise.resolve();
    expect(begun).toEqual([]);
    first();
    first();
    const release = await third;
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toEqual(['third']);
    release();
    await fourth;
    expect(begun).toEqual(['third', 'fourth']);
  });
});
