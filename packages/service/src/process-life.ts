import { type AppContext, exitCodes, type RunningApp } from "./app-context.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { openEventTrail } from "./event-trail.ts";
import type { Logger } from "./log.ts";
import { openMetrics } from "./metrics.ts";
import { isForOperator } from "./operator-error.ts";

/** An app that has not closed by then is ended: everything it said 250 or OK to is on disk anyway. */
const CLOSE_MS_MAX = 2000;

export function endOnUnforeseenErrors(log: Logger): void {
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "Stopping after an error that nobody foresaw");
    log.flush(() => process.exit(exitCodes.software));
  });
}

/** Says why, in a sentence where there is one, and ends the process. */
export function endUnstarted(log: Logger, error: unknown): void {
  if (isForOperator(error)) log.fatal(error.message);
  else if (isOfTheSystem(error)) log.fatal(`Cannot start: ${error.message}`);
  else log.fatal({ err: error }, `Cannot start: ${(error as Error).message}`);
  log.flush(() => process.exit(error instanceof ConfigError ? exitCodes.config : exitCodes.failed));
}

/** No rights, a full disk, a file in the way: the kernel's words name the path, and a stack adds nothing. */
const isOfTheSystem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && "syscall" in error && "path" in error;

/** What an app is given, but for what only some have. */
export const contextFor = (
  name: string,
  { config, log }: { readonly config: Config; readonly log: Logger },
  { withProcess }: { readonly withProcess: boolean },
): AppContext => ({
  config,
  log,
  events: openEventTrail({
    directory: config.paths.events,
    app: name,
    keepDays: config.events.keepDays,
    complain: (err) => log.error({ err }, "Cannot write the event trail"),
  }),
  metrics: openMetrics(name, { withProcess }),
});

/** Ends the process, or has certificates read again, when it is told to: see runApp(). */
export function handleSignals(log: Logger, app: RunningApp): void {
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

export const describeAddresses = (addresses: RunningApp["addresses"]): string =>
  addresses
    .map(({ name, address, port, socketPath }) =>
      socketPath === undefined ? `${name} on ${address}:${port}` : `${name} on ${socketPath}`,
    )
    .join(", ");
