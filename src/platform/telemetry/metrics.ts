import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Buckets of durations, in seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Methods that OpenTelemetry names; whatever else a client invents is counted as one. */
const METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']);

type Timer = Histogram.Internal<'http_request_method' | 'http_route' | 'http_response_status_code'>;

/** The metrics of this process, in OpenTelemetry's names. Each application has a registry of its own. */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly timers = new Map<string, Timer>();
  private readonly requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP requests, by the template of the route',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets: SECONDS,
    registers: [this.registry],
  });

  private active = 0;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.gauge('http_server_active_requests', 'Requests that are being answered', () => this.active);
  }

  requestStarted(): void {
    this.active += 1;
  }

  /** Once for each that has started, answered or not. Bound to its object: it is given away as it is. */
  readonly requestEnded = (): void => {
    this.active -= 1;
  };

  /** Kept by method, route and status, for looking the labels up costs more than counting. */
  observeRequest(method: string, route: string, status: number, seconds: number): void {
    // The parser of Node knows some thirty methods, so that even as keys they are bounded.
    const key = `${method} ${route} ${status}`;
    let timer = this.timers.get(key);
    if (!timer) {
      timer = this.requests.labels(METHODS.has(method) ? method : '_OTHER', route, String(status));
      this.timers.set(key, timer);
    }
    timer.observe(seconds);
  }

  counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  /** A gauge whose value is asked for when somebody reads the metrics. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** A gauge with one value for each of some states, asked for when somebody reads the metrics. */
  states(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        for (const [state, value] of Object.entries(read())) this.set({ [label]: state }, value);
      },
    });
  }

  /** A gauge with several labels, asked for when somebody reads the metrics. */
  gauges<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[],
    read: () => readonly { readonly labels: Readonly<Record<T, string>>; readonly value: number }[],
  ): void {
    new Gauge<T>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.set(labels, value);
      },
    });
  }

  durations<T extends string>(name: string, help: string, labelNames: readonly T[]): Histogram<T> {
    return new Histogram({ name, help, labelNames: [...labelNames], buckets: SECONDS, registers: [this.registry] });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
