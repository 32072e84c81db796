import { Injectable } from '@nestjs/common';

/** What one indicator says: `fail` takes the process out of the balancer, `warn` is only shown. */
export interface Finding {
  readonly status: 'pass' | 'warn' | 'fail';
  /** For whoever may see details. */
  readonly output?: string;
  /** Milliseconds that what was looked at took to answer, or whatever `observedUnit` says. */
  readonly observedValue?: number;
  readonly observedUnit?: string;
}

type Indicator = () => Promise<Finding> | Finding;

/** What modules say of their own health. They register here; the health module only reads. */
@Injectable()
export class Indicators {
  private readonly indicators = new Map<string, Indicator>();

  register(name: string, indicator: Indicator): void {
    if (this.indicators.has(name)) throw new Error(`The indicator "${name}" is registered twice`);
    this.indicators.set(name, indicator);
  }

  /**
   * Asks all at once. One that throws has failed, with its message for whoever may see details; so has one that says
   * nothing in time.
   * @param patience milliseconds
   */
  async ask(patience: number): Promise<Record<string, Finding>> {
    const entries = [...this.indicators].map(async ([name, indicator]): Promise<[string, Finding]> => {
      try {
        return [name, await within(patience, indicator)];
      } catch (error) {
        return [name, { status: 'fail', output: error instanceof Error ? error.message : String(error) }];
      }
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}

async function within(patience: number, indicator: Indicator): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => resolve({ status: 'fail', output: `No answer within ${patience} ms` }), patience);
  });
  try {
    return await Promise.race([indicator(), late]);
  } finally {
    clearTimeout(timer);
  }
}
