import { Examinations } from './examinations.js';

interface Somebody {
  readonly name: string;
}

describe('examinations', () => {
  const asked: string[] = [];
  const settled: string[] = [];
  const answers = new Map<string, () => void>();
  const somebody = (name: string): Somebody => ({ name });
  let examinations: Examinations<Somebody>;

  beforeEach(() => {
    for (const list of [asked, settled]) list.length = 0;
    examinations = new Examinations(
      ({ name }) => {
        asked.push(name);
        return new Promise((resolve) => answers.set(name, resolve));
      },
      ({ name }) => settled.push(name),
    );
  });

  async function answer(name: string): Promise<void> {
    answers.get(name)!();
    await new Promise((resolve) => setImmediate(resolve));
  }

  it('ask about the urgent before all others, eight at a time', async () => {
    const crowd = Array.from({ length: 20 }, (_, at) => somebody(`${at}`));
    for (const each of crowd) examinations.want(each, false);
    expect(asked).toHaveLength(8);
    examinations.want(somebody('urgent'), true);
    examinations.want(crowd[15]!, true);
    for (const name of ['0', '1', '2']) await answer(name);
    expect(asked.slice(8)).toEqual(['urgent', '15', '8']);
    expect(settled).toEqual(['0', '1', '2']);
  });

  it('ask about nobody twice for what was wanted twice', async () => {
    const crowd = Array.from({ length: 9 }, (_, at) => somebody(`${at}`));
    for (let time = 0; time < 5; time += 1) for (const each of crowd.slice(8)) examinations.want(each, time > 2);
    await answer('8');
    // It was under way already when it was wanted again: once more, and once only.
    await answer('8');
    expect([asked, settled]).toEqual([['8', '8'], ['8']]);
    expect(examinations.has(crowd[8]!)).toBe(false);
  });

  it('ask once more, afterwards, about whoever is wanted meanwhile', async () => {
    const one = somebody('one');
    examinations.want(one, false);
    examinations.want(one, true);
    expect([asked, examinations.has(one)]).toEqual([['one'], true]);
    await answer('one');
    expect([asked, settled]).toEqual([['one', 'one'], []]);
    await answer('one');
    expect(settled).toEqual(['one']);
  });
});
