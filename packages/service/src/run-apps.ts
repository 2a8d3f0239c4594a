import { mkdirSync } from "node:fs";
import { readArguments } from "./app-arguments.ts";
import type { AppContext, ReadyMessage, RunningApp, StartApp } from "./app-context.ts";
import type { AppName } from "./app-name.ts";
import type { Config } from "./config/config.ts";
import { type Logger, openLogs } from "./log.ts";
import {
  contextFor,
  describeAddresses,
  endOnUnforeseenErrors,
  endUnstarted,
  handleSignals,
} from "./process-life.ts";
import { openStatusServer } from "./status-server.ts";

/** What several apps in one process are, and what they share. */
export interface SharedProcess {
  /** Apps of one row start together, when those of the rows before serve; they end in the opposite order. */
  readonly rows: readonly (readonly { readonly name: AppName; readonly start: StartApp }[])[];
  /** When all serve. */
  onReady?(): void;
  /** When all have ended. */
  close(): Promise<void>;
}

interface Served extends RunningApp {
  readonly name: AppName;
}

/** What runApps() has found out before anything is opened. */
export interface ProcessContext {
  readonly config: Config;
  readonly log: Logger;
  /** Those of the process's own flags that were given. */
  readonly flags: ReadonlySet<string>;
}

/**
 * The life of several apps as one process, as runApp() is that of one. What belongs to a process is there once:
 * arguments, signals, the end. What belongs to an app is its own as ever: its name in the log, its event trail, metrics
 * and status socket; the process has another status socket, `<run_dir>/<name>.status.sock`, for what it is as a whole.
 *
 * An error that nobody foresaw in one of them ends all, with exit code 70.
 */
export function runApps(
  name: string,
  options: {
    /** Taken on the command line beside what every app takes. */
    readonly flags: readonly string[];
    open(context: ProcessContext): Promise<SharedProcess>;
  },
): void {
  process.umask(0o007);
  void begin(name, options);
}

async function begin(name: string, options: Parameters<typeof runApps>[1]): Promise<void> {
  const own = Object.fromEntries(options.flags.map((flag) => [flag, { type: "boolean" } as const]));
  const { config, own: flags } = await readArguments(
    name,
    own,
    (values) => new Set(options.flags.filter((flag) => values[flag] === true)),
  );
  process.title = `posthouse ${name}`;
  const logOf = openLogs(config.log.level);
  const log = logOf(name);
  endOnUnforeseenErrors(log);
  try {
    mkdirSync(config.runDir, { recursive: true, mode: 0o770 });
    const shared = await options.open({ config, log, flags });
    const rows: (readonly Served[])[] = [];
    for (const row of shared.rows) {
      const started = row.map(async (one) => {
        const context = contextFor(
          one.name,
          { config, log: logOf(one.name) },
          { withProcess: false },
        );
        return await serve(one.name, context, one.start);
      });
      rows.push(await Promise.all(started));
    }
    const all = asOne(rows, shared);
    const context = contextFor(name, { config, log }, { withProcess: true });
    const status = await openStatusServer(name, context, all);
    handleSignals(log, {
      ...all,
      close: async () => {
        await status.close();
        await all.close();
      },
    });
    const addresses = rows
      .flat()
      .flatMap((app) => app.addresses.map((at) => ({ app: app.name, ...at })));
    process.send?.({ type: "ready", app: name, addresses } satisfies ReadyMessage);
    log.info("All servers are up");
    shared.onReady?.();
  } catch (error) {
    endUnstarted(log, error);
  }
}

/** Starts one of them, with its status socket. */
async function serve(name: AppName, context: AppContext, start: StartApp): Promise<Served> {
  const app = await start(context);
  const status = await openStatusServer(name, context, app);
  context.log.info(`Serving ${describeAddresses(app.addresses)}`);
  const { drain } = app;
  const closing = (close: () => Promise<void>) => async () => {
    await Promise.all([close(), status.close()]);
    await context.events.flush();
  };
  return {
    ...app,
    name,
    close: closing(() => app.close()),
    ...(drain !== undefined && {
      drain: { msMax: drain.msMax, close: closing(() => drain.close()) },
    }),
  };
}

function asOne(rows: readonly (readonly Served[])[], shared: SharedProcess): RunningApp {
  const apps = rows.flat();
  const closing = (close: (app: Served) => Promise<void>) => async () => {
    for (const row of rows.toReversed()) await Promise.all(row.map(close));
    await shared.close();
  };
  const drainMsMax = Math.max(0, ...apps.map(({ drain }) => drain?.msMax ?? 0));
  return {
    addresses: apps.flatMap(({ addresses }) => addresses),
    problems: () => apps.flatMap((app) => app.problems?.() ?? []),
    reload: async () => {
      await Promise.all(apps.map(async (app) => await app.reload?.()));
    },
    close: closing((app) => app.close()),
    ...(drainMsMax > 0 && {
      drain: { msMax: drainMsMax, close: closing((app) => (app.drain ?? app).close()) },
    }),
  };
}
