import { createRequire } from "node:module";
import type { Counter, Gauge, Histogram } from "prom-client";

/** Its parts by themselves: together with what gathers from clusters and pushes they take 2 MiB more in every server. */
const require = createRequire(import.meta.url);
type PromClient = typeof import("prom-client");
const parts = {
  Registry: require("prom-client/lib/registry.js") as PromClient["Registry"],
  Counter: require("prom-client/lib/counter.js") as PromClient["Counter"],
  Gauge: require("prom-client/lib/gauge.js") as PromClient["Gauge"],
  Histogram: require("prom-client/lib/histogram.js") as PromClient["Histogram"],
};
const collectDefaultMetrics =
  require("prom-client/lib/defaultMetrics.js") as PromClient["collectDefaultMetrics"];

/** Prometheus metrics of one process, every name beginning with `posthouse_`. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(name: string, help: string, labelNames?: readonly string[]): Histogram;
  /** All of them as they are now, for sumOfMetrics(). */
  values(): Promise<readonly unknown[]>;
  /** The exposition text. */
  text(): Promise<string>;
}

export function openMetrics(app: string, options: { readonly withProcess: boolean }): Metrics {
  const registry = new parts.Registry();
  registry.setDefaultLabels({ app });
  if (options.withProcess) collectDefaultMetrics({ register: registry });
  const settings = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `posthouse_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    counter: (name, help, labelNames = []) => new parts.Counter(settings(name, help, labelNames)),
    gauge: (name, help, labelNames = []) => new parts.Gauge(settings(name, help, labelNames)),
    histogram: (name, help, labelNames = []) =>
      new parts.Histogram(settings(name, help, labelNames)),
    values: () => registry.getMetricsAsJSON(),
    text: () => registry.metrics(),
  };
}

/** The exposition text of several processes together. What adds up is summed; of lags it is the mean. */
export function sumOfMetrics(ofEach: readonly (readonly unknown[])[]): Promise<string> {
  // Loaded only where there are several, and somebody asks.
  type Aggregate = (ofEach: readonly (readonly unknown[])[]) => { metrics(): Promise<string> };
  const { aggregate } = require("prom-client/lib/cluster.js") as { aggregate: Aggregate };
  return aggregate(ofEach).metrics();
}
