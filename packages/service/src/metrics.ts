import { createRequire } from "node:module";
import type { Counter, Gauge, Histogram } from "prom-client";

type PromClient = typeof import("prom-client");
type ProcessMetrics = (registry: InstanceType<PromClient["Registry"]>, config: object) => void;

/**
 * Its parts by themselves, and only where metrics are kept: as a whole, with what gathers from clusters,
 * pushes and traces, it takes 75 modules and some MiB in every process.
 */
const require = createRequire(import.meta.url);
const part = <Name extends keyof PromClient>(file: string): PromClient[Name] =>
  require(`prom-client/lib/${file}.js`) as PromClient[Name];

/** What prom-client can tell of a process; its processor time is told by measureProcessor(). */
const aboutTheProcess = [
  "processStartTime",
  "osMemoryHeap",
  "processOpenFileDescriptors",
  "processMaxFileDescriptors",
  "eventLoopLag",
  "processResources",
  "heapSizeAndUsed",
  "heapSpacesSizeAndUsed",
  "version",
  "gc",
];
/** How often the event loop is looked at; each look wakes a process that is at rest. */
const EVENT_LOOP_LOOK_MS = 50;

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
  const Registry = part<"Registry">("registry");
  const Counter = part<"Counter">("counter");
  const Gauge = part<"Gauge">("gauge");
  const Histogram = part<"Histogram">("histogram");
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  const settings = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `posthouse_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  if (options.withProcess) {
    for (const name of aboutTheProcess) {
      const measure = require(`prom-client/lib/metrics/${name}.js`) as ProcessMetrics;
      measure(registry, { eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS });
    }
    measureProcessor(Counter, registry);
  }
  return {
    counter: (name, help, labelNames = []) => new Counter(settings(name, help, labelNames)),
    gauge: (name, help, labelNames = []) => new Gauge(settings(name, help, labelNames)),
    histogram: (name, help, labelNames = []) => new Histogram(settings(name, help, labelNames)),
    values: () => registry.getMetricsAsJSON(),
    text: () => registry.metrics(),
  };
}

/** Under the names that every Prometheus client uses. */
function measureProcessor(
  Counter: PromClient["Counter"],
  registry: InstanceType<PromClient["Registry"]>,
): void {
  const total = (name: string, of: string, seconds: () => number) =>
    new Counter({
      name,
      help: `Total ${of}CPU time spent in seconds.`,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(seconds());
      },
    });
  const user = () => process.cpuUsage().user / 1e6;
  const system = () => process.cpuUsage().system / 1e6;
  total("process_cpu_user_seconds_total", "user ", user);
  total("process_cpu_system_seconds_total", "system ", system);
  total("process_cpu_seconds_total", "user and system ", () => user() + system());
}

/** The exposition text of several processes together. What adds up is summed; of lags it is the mean. */
export function sumOfMetrics(ofEach: readonly (readonly unknown[])[]): Promise<string> {
  // Loaded only where there are several, and somebody asks.
  type Aggregate = (ofEach: readonly (readonly unknown[])[]) => { metrics(): Promise<string> };
  const { aggregate } = require("prom-client/lib/cluster.js") as { aggregate: Aggregate };
  return aggregate(ofEach).metrics();
}
