import { Injectable } from '@nestjs/common';

import { Clock } from '../clock/clock.js';
import { Metrics } from '../telemetry/metrics.js';
import { Circuit, RESULTS, STATES } from './circuit.js';
import type { Manners, Result, State } from './circuit.js';

/** How calls to one other side are made. */
export interface OutgoingPolicy {
  /** @throws CallRefused, CallTimedOut, or whatever the last try threw */
  execute<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  state(): State;
}

/** How calls to each of many are made: what becomes of one is not felt by another. */
export interface OutgoingPolicies {
  of(key: string): OutgoingPolicy;
  /** Those who are left alone at present. */
  resting(): string[];
}

/** Circuits that one name keeps; beyond it those go that are well and at rest, the longest unused first. */
const KEPT = 10_000;

/** Every call that leaves the house, but for PostgreSQL and Redis: one policy, in metrics and at /ops/outgoing. */
@Injectable()
export class Outgoing {
  private readonly departments = new Map<string, Department>();
  private readonly calls;
  private readonly durations;

  constructor(
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.calls = metrics.counter('outgoing_calls_total', 'Calls to others, by what became of them', [
      'policy',
      'result',
    ]);
    this.durations = metrics.durations('outgoing_call_duration_seconds', 'Duration of calls to others', ['policy']);
    metrics.gauges('outgoing_circuits', 'Other sides, by the state of their circuit', ['policy', 'state'], () =>
      this.look(({ states }) => Object.entries(states).map(([state, value]) => ({ state, value }))),
    );
    metrics.gauges('outgoing_calls', 'Calls that run, and that wait for their turn', ['policy', 'state'], () =>
      this.look(({ running, waiting }) => [
        { state: 'running', value: running },
        { state: 'waiting', value: waiting },
      ]),
    );
  }

  /** For one other side. */
  policy(name: string, manners: Manners): OutgoingPolicy {
    return this.department(name, manners).of('');
  }

  /** For many of a kind, each by its key. */
  policies(name: string, manners: Manners): OutgoingPolicies {
    return this.department(name, manners);
  }

  /** What operators may see. */
  report(): object[] {
    return [...this.departments].map(([name, department]) => ({ name, ...department.report() }));
  }

  private department(name: string, manners: Manners): Department {
    if (this.departments.has(name)) throw new Error(`The outgoing policy "${name}" is there twice`);
    const department = new Department(manners, this.clock, (result, seconds) => {
      this.calls.inc({ policy: name, result });
      this.durations.observe({ policy: name }, seconds);
    });
    this.departments.set(name, department);
    return department;
  }

  private look(
    rows: (report: ReturnType<Department['report']>) => { state: string; value: number }[],
  ): { labels: Record<'policy' | 'state', string>; value: number }[] {
    return [...this.departments].flatMap(([policy, department]) =>
      rows(department.report()).map(({ state, value }) => ({ labels: { policy, state }, value })),
    );
  }
}

/** The circuits of one name. */
class Department implements OutgoingPolicies {
  private readonly circuits = new Map<string, Circuit>();
  private readonly results = new Map<Result, number>(RESULTS.map((result) => [result, 0]));

  constructor(
    private readonly manners: Manners,
    private readonly clock: Clock,
    private readonly count: (result: Result, seconds: number) => void,
  ) {}

  of(key: string): Circuit {
    const known = this.circuits.get(key);
    this.circuits.delete(key);
    const circuit = known ?? new Circuit(this.manners, this.clock, (...told) => this.ended(...told));
    this.circuits.set(key, circuit);
    if (this.circuits.size > KEPT) this.forget();
    return circuit;
  }

  resting(): string[] {
    return [...this.circuits].filter(([, circuit]) => circuit.rests()).map(([key]) => key);
  }

  report() {
    const circuits = [...this.circuits.values()];
    const inState = (state: State): number => circuits.filter((circuit) => circuit.state() === state).length;
    const { timeout, retries, breaker, concurrency, queue } = this.manners;
    return {
      states: Object.fromEntries(STATES.map((state) => [state, inState(state)])),
      running: circuits.reduce((sum, circuit) => sum + circuit.running(), 0),
      waiting: circuits.reduce((sum, circuit) => sum + circuit.waiting(), 0),
      results: Object.fromEntries(this.results),
      manners: { timeout, retries, breaker, concurrency, queue },
    };
  }

  private ended(result: Result, seconds: number): void {
    this.results.set(result, this.results.get(result)! + 1);
    this.count(result, seconds);
  }

  /** Of those that nobody has to be kept from calling the one that was not called for longest. */
  private forget(): void {
    for (const [key, circuit] of this.circuits) {
      if (circuit.pending > 0 || circuit.rests()) continue;
      this.circuits.delete(key);
      return;
    }
  }
}
