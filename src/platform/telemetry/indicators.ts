import { Injectable } from '@nestjs/common';

/** What one indicator says: `fail` takes the process out of the balancer, `warn` is only shown. */
export interface Finding {
  readonly status: 'pass' | 'warn' | 'fail';
  readonly output?: string;
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

  /** Asks all at once; one that throws has failed, with its message for whoever may see details. */
  async ask(): Promise<Record<string, Finding>> {
    const entries = [...this.indicators].map(async ([name, indicator]): Promise<[string, Finding]> => {
      try {
        return [name, await indicator()];
      } catch (error) {
        return [name, { status: 'fail', output: error instanceof Error ? error.message : String(error) }];
      }
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}
