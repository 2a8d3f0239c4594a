import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  type AppContext,
  exitCodes,
  type ReadyMessage,
  type RunningApp,
  type StartApp,
} from "./app-context.ts";
import type { AppName } from "./app-name.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { HANDED_CONFIG, handedConfig } from "./config/handed-config.ts";
import { loadConfig } from "./config/load-config.ts";
import { openEventTrail } from "./event-trail.ts";
import { type Logger, openLog } from "./log.ts";
import { openMetrics } from "./metrics.ts";
import { isForOperator } from "./operator-error.ts";
import { openStatusServer } from "./status-server.ts";
import { isWorker, WorkerProcess } from "./workers/worker-process.ts";
import type { Workers } from "./workers/workers.ts";

/** An app that has not closed by then is ended: everything it said 250 or OK to is on disk anyway. */
const CLOSE_MS_MAX = 2000;

export interface RunAppOptions {
  /** There may be several of it, by `--instance`, that know nothing of each other. */
  readonly mayHaveInstances?: boolean;
  /** How many processes may serve it together, and how many connections are worth one. */
  readonly workers?: (config: Config) => {
    readonly processesMax: number;
    readonly connectionsEach: number;
  };
}

/**
 * The whole life of an app as a process: arguments, configuration, log, start, signals, end.
 *
 *   SIGTERM   stop accepting, end connections, exit 0 within 2 s, or within the time that the app drains for
 *   SIGINT    the same within 2 s, for who has pressed Ctrl-C
 *   either a second time: exit at once
 *   SIGHUP    read certificates again
 *
 * Nothing drains under a supervisor, which is stopped by Ctrl-C as a whole.
 *
 * With `workers` it may become several processes (`workers/app-processes.ts`), of which this is the parent. What it
 * is told, it tells its workers; a worker lives as long as its parent.
 *
 * Under a supervisor (an IPC channel is there) SIGINT is left to it, since Ctrl-C reaches the whole
 * process group, and the end of the channel means that the supervisor died: then the app ends too.
 */
export function runApp(
  name: AppName,
  start: StartApp,
  { mayHaveInstances = false, workers }: RunAppOptions = {},
): void {
  process.umask(0o007);
  void begin(name, start, { mayHaveInstances, ...(workers !== undefined && { workers }) });
}

async function begin(
  name: AppName,
  start: StartApp,
  { mayHaveInstances = false, workers }: RunAppOptions,
): Promise<void> {
  const { config, instance } = await fromArguments(name, mayHaveInstances);
  const fullName = nameOf(name, instance);
  process.title = `posthouse ${fullName}`;
  const log = openLog(fullName, config.log.level);
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "Stopping after an error that nobody foresaw");
    log.flush(() => process.exit(exitCodes.software));
  });
  await run(start, {
    name,
    config,
    log,
    ...(instance !== undefined && { instance }),
    ...(workers && { workers: workers(config) }),
  });
}

interface Run {
  readonly name: AppName;
  readonly config: Config;
  readonly log: Logger;
  readonly instance?: string;
  readonly workers?: { readonly processesMax: number; readonly connectionsEach: number };
}

const nameOf = (name: AppName, instance?: string): string =>
  instance === undefined ? name : `${name}-${instance}`;

async function run(start: StartApp, asked: Run): Promise<void> {
  const { name, config, instance } = asked;
  const worker = isWorker() ? await WorkerProcess.begin() : undefined;
  const log = worker === undefined ? asked.log : asked.log.child({ worker: worker.number });
  try {
    mkdirSync(config.runDir, { recursive: true, mode: 0o770 });
    const workers = worker === undefined ? await workersOf({ ...asked, log }) : undefined;
    const processes = worker ?? workers;
    const context = {
      ...contextFor(name, config, log),
      ...(instance !== undefined && { instance }),
      ...(processes !== undefined && { processes }),
    };
    const app = await start(context);
    const status =
      worker === undefined
        ? await openStatusServer(nameOf(name, instance), context, app, workers)
        : undefined;
    worker?.listen(app, context.metrics);
    const { drain } = app;
    const closing = (close: () => Promise<void>) => async () => {
      await Promise.all([close(), workers?.close(), status?.close()]);
    };
    handleSignals(context, {
      ...app,
      reload: async () => {
        workers?.reload();
        await app.reload?.();
      },
      close: closing(() => app.close()),
      ...(drain !== undefined && {
        drain: { msMax: drain.msMax, close: closing(() => drain.close()) },
      }),
    });
    const ready: ReadyMessage = { type: "ready", app: name, addresses: app.addresses };
    process.send?.(ready);
    if (worker === undefined) log.info(`Serving ${app.addresses.map(describe).join(", ")}`);
  } catch (error) {
    if (isForOperator(error)) log.fatal(error.message);
    else if (isOfTheSystem(error)) log.fatal(`Cannot start: ${error.message}`);
    else log.fatal({ err: error }, `Cannot start: ${(error as Error).message}`);
    log.flush(() =>
      process.exit(error instanceof ConfigError ? exitCodes.config : exitCodes.failed),
    );
  }
}

/** Loaded only where there may be some. */
async function workersOf({ name, config, workers, log }: Run): Promise<Workers | undefined> {
  if (workers === undefined || workers.processesMax === 1) return undefined;
  const { Workers: Parent } = await import("./workers/workers.ts");
  return new Parent({ name, ...workers, config, log });
}

/** No rights, a full disk, a file in the way: the kernel's words name the path, and a stack adds nothing. */
const isOfTheSystem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error && "path" in error;

async function fromArguments(
  name: AppName,
  mayHaveInstances: boolean,
): Promise<{ readonly config: Config; readonly instance: string | undefined }> {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: "string" },
        data: { type: "string" },
        "port-offset": { type: "string" },
        send: { type: "boolean" },
        [HANDED_CONFIG]: { type: "boolean" },
        ...(mayHaveInstances && { instance: { type: "string" } as const }),
      },
    });
    const instance = instanceFrom(values);
    if (values[HANDED_CONFIG] === true) return { config: await handedConfig(), instance };
    const config = loadConfig({
      ...(values.config !== undefined && { configFile: values.config }),
      ...(values.data !== undefined && { dataDir: values.data }),
      portOffset: Number(values["port-offset"] ?? 0),
      ...(values.send !== undefined && { isSending: values.send }),
    });
    return { config, instance };
  } catch (error) {
    process.stderr.write(`posthouse ${name}: ${(error as Error).message}\n`);
    process.exit(error instanceof ConfigError ? exitCodes.config : exitCodes.usage);
  }
}

function instanceFrom(values: Readonly<Record<string, unknown>>): string | undefined {
  const { instance } = values;
  if (instance === undefined) return undefined;
  if (typeof instance === "string" && /^[a-z0-9]{1,16}$/u.test(instance)) return instance;
  throw new Error("--instance has to be a name of up to 16 small letters and digits");
}

function contextFor(name: AppName, config: Config, log: Logger): AppContext {
  return {
    config,
    log,
    events: openEventTrail({
      directory: config.paths.events,
      app: name,
      keepDays: config.events.keepDays,
      complain: (err) => log.error({ err }, "Cannot write the event trail"),
    }),
    metrics: openMetrics(name, { withProcess: true }),
  };
}

function handleSignals({ log, events }: AppContext, app: RunningApp): void {
  const isSupervised = process.send !== undefined;
  let isClosing = false;
  const close = (why: string, { mayDrain = false } = {}) => {
    const exit = () => log.flush(() => process.exit(exitCodes.ok));
    if (isClosing) return exit();
    isClosing = true;
    const drain = mayDrain && !isSupervised ? app.drain : undefined;
    const patience = drain === undefined ? "" : `; what is under way has ${drain.msMax / 1000} s`;
    log.info(`Stopping: ${why}${patience}`);
    setTimeout(exit, CLOSE_MS_MAX + (drain?.msMax ?? 0)).unref();
    (drain ?? app)
      .close()
      .then(() => events.flush())
      .catch((err: unknown) => log.error({ err }, "Stopped with an error"))
      .finally(exit);
  };
  process.on("SIGTERM", () => close("asked to", { mayDrain: true }));
  process.on("SIGINT", () => {
    if (!isSupervised) close("interrupted");
  });
  process.on("disconnect", () => close("its supervisor is gone"));
  process.on("SIGHUP", () => {
    app.reload?.().then(
      () => log.info("Read certificates again"),
      (err: unknown) => {
        if (isForOperator(err)) log.error(`${err.message}; going on with what was there`);
        else log.error({ err }, "Cannot reload; going on with what was there");
      },
    );
  });
}

function describe({ name, address, port, socketPath }: RunningApp["addresses"][number]): string {
  return socketPath === undefined ? `${name} on ${address}:${port}` : `${name} on ${socketPath}`;
}
