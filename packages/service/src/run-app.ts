import { mkdirSync } from "node:fs";
import { readArguments } from "./app-arguments.ts";
import type { ReadyMessage, StartApp } from "./app-context.ts";
import type { AppName } from "./app-name.ts";
import type { Config } from "./config/config.ts";
import { type Logger, openLog } from "./log.ts";
import {
  contextFor,
  describeAddresses,
  endOnUnforeseenErrors,
  endUnstarted,
  handleSignals,
} from "./process-life.ts";
import { openStatusServer } from "./status-server.ts";
import { isWorker, WorkerProcess } from "./workers/worker-process.ts";
import type { Workers } from "./workers/workers.ts";

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
export function runApp(name: AppName, start: StartApp, options: RunAppOptions = {}): void {
  process.umask(0o007);
  void begin(name, start, options);
}

async function begin(name: AppName, start: StartApp, options: RunAppOptions): Promise<void> {
  const { mayHaveInstances = false, workers } = options;
  const { config, own: instance } = await readArguments(
    name,
    mayHaveInstances ? { instance: { type: "string" } } : {},
    instanceFrom,
  );
  const fullName = nameOf(name, instance);
  process.title = `posthouse ${fullName}`;
  const log = openLog(fullName, config.log.level);
  endOnUnforeseenErrors(log);
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
      ...contextFor(name, { config, log }, { withProcess: true }),
      ...(instance !== undefined && { instance }),
      ...(processes !== undefined && { processes }),
    };
    const app = await start(context);
    const status =
      worker === undefined
        ? await openStatusServer(nameOf(name, instance), context, app, workers)
        : undefined;
    worker?.listen(app, context);
    const { drain } = app;
    const closing = (close: () => Promise<void>) => async () => {
      await Promise.all([close(), workers?.close(), status?.close()]);
      await context.events.flush();
    };
    handleSignals(log, {
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
    if (worker === undefined) log.info(`Serving ${describeAddresses(app.addresses)}`);
  } catch (error) {
    endUnstarted(log, error);
  }
}

/** Loaded only where there may be some. */
async function workersOf({ name, config, workers, log }: Run): Promise<Workers | undefined> {
  if (workers === undefined || workers.processesMax === 1) return undefined;
  const { Workers: Parent } = await import("./workers/workers.ts");
  return new Parent({ name, ...workers, config, log });
}

function instanceFrom({ instance }: Readonly<Record<string, unknown>>): string | undefined {
  if (instance === undefined) return undefined;
  if (typeof instance === "string" && /^[a-z0-9]{1,16}$/u.test(instance)) return instance;
  throw new Error("--instance has to be a name of up to 16 small letters and digits");
}
