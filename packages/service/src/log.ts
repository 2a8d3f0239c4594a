import { createRequire } from "node:module";
import { type DestinationStream, destination, type Logger, pino } from "pino";

export type { Logger } from "pino";

/**
 * Structured lines on standard output: for people when that is a terminal or POSTHOUSE_LOG_FORMAT is
 * "pretty", JSON otherwise. JSON is written asynchronously, so that a slow reader of the log never stops mail.
 */
export const openLog = (name: string, level: string): Logger => openLogs(level)(name);

/** Logs of several names that share one way out, so that no line comes into the middle of another. */
export function openLogs(level: string): (name: string) => Logger {
  const log = pino(
    {
      level,
      base: null,
      redact: { paths: ["password", "*.password"], censor: "(hidden)" },
    },
    logDestination(),
  );
  return (name) => log.child({ name });
}

function logDestination(): DestinationStream {
  const format = process.env.POSTHOUSE_LOG_FORMAT;
  if (format !== "pretty" && (format === "json" || !process.stdout.isTTY)) {
    return destination({ dest: 1, sync: false });
  }
  // Loaded only here: servers write JSON, and are smaller by 2 MiB each without it.
  const { build } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  // Synchronous: the last lines before an exit must not be lost, and this form is for people.
  return build({
    destination: 1,
    sync: true,
    colorize: process.stdout.isTTY,
    translateTime: "HH:MM:ss",
    ignore: "pid,hostname",
    singleLine: true,
  });
}
