import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Prometheus metrics of one process, every name beginning with `posthouse_`. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(name: string, help: string, labelNames?: readonly string[]): Histogram;
  /** The exposition text. */
  text(): Promise<string>;
}

export function openMetrics(app: string, options: { readonly withProcess: boolean }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  if (options.withProcess) collectDefaultMetrics({ register: registry });
  const settings = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `posthouse_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    counter: (name, help, labelNames = []) => new Counter(settings(name, help, labelNames)),
    gauge: (name, help, labelNames = []) => new Gauge(settings(name, help, labelNames)),
    histogram: (name, help, labelNames = []) => new Histogram(settings(name, help, labelNames)),
    text: () => registry.metrics(),
  };
}
