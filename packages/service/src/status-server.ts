import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { AppContext, RunningApp } from "./app-context.ts";
import { listen } from "./listen.ts";
import { isLogLevel, logLevels } from "./log-level.ts";
import { sumOfMetrics } from "./metrics.ts";
import type { Workers } from "./workers/workers.ts";

/** Not imported: that would make all that it exports, with a WebSocket client and its 6 MiB, in every server. */
const { createServer } = process.getBuiltinModule("node:http");

/** Longer than any level. */
const LEVEL_CHARS_MAX = 16;

/** Where an app answers for its health: `<run_dir>/<app>.status.sock`. */
export const statusSocketPath = (runDir: string, app: string): string =>
  join(runDir, `${app}.status.sock`);

/**
 * HTTP on a Unix socket for health checks and Prometheus: `GET /health` says what is served,
 * `GET /metrics` how it goes, of all processes of the app together. `GET /log-level` says what is logged, and
 * `PUT /log-level` changes it, until the app ends.
 * `curl --unix-socket run/imap.status.sock http://imap/metrics`
 */
export async function openStatusServer(
  name: string,
  { config, log, metrics }: Pick<AppContext, "config" | "log" | "metrics">,
  app: RunningApp,
  workers?: Workers,
): Promise<{ close(): Promise<void> }> {
  async function health(): Promise<string> {
    const reports = (await workers?.reports()) ?? [];
    const problems = [app.problems?.() ?? [], ...reports.map((report) => report.problems)].flat();
    const processes = workers?.processes;
    const { addresses } = app;
    const said = {
      app: name,
      status: "ok",
      addresses,
      problems: [...new Set(problems)],
      processes,
    };
    return `${JSON.stringify(said)}\n`;
  }
  async function metricsText(): Promise<string> {
    const reports = (await workers?.reports()) ?? [];
    const others = reports.map((report) => report.metrics).filter((values) => values.length > 0);
    if (others.length === 0) return await metrics.text();
    return await sumOfMetrics([await metrics.values(), ...others]);
  }
  const pages: Readonly<Record<string, { type: string; make: () => Promise<string> }>> = {
    "/health": { type: "application/json", make: health },
    "/metrics": { type: "text/plain; version=0.0.4", make: metricsText },
    "/log-level": { type: "text/plain", make: async () => `${log.level}\n` },
  };
  async function changeLogLevel(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let level = "";
    for await (const octets of request.setEncoding("latin1")) {
      if (level.length <= LEVEL_CHARS_MAX) level += octets;
    }
    level = level.trim();
    if (!isLogLevel(level)) {
      response.writeHead(400).end(`A log level is ${logLevels.join(", ")}\n`);
      return;
    }
    log.info({ from: log.level, to: level }, "The log level is changed");
    log.level = level;
    workers?.setLogLevel(level);
    response.end(`${level}\n`);
  }
  const server = createServer((request, response) => {
    if (request.url === "/log-level" && request.method === "PUT") {
      changeLogLevel(request, response).catch(() => response.destroy());
      return;
    }
    const page = pages[request.url ?? ""];
    if (page === undefined) {
      response.statusCode = 404;
      response.end("There is /health, /metrics and /log-level\n");
      return;
    }
    page.make().then(
      (text) => response.setHeader("content-type", page.type).end(text),
      (error: Error) => response.writeHead(500).end(`${error.message}\n`),
    );
  });
  await listen(`${name} status`, server, { socketPath: statusSocketPath(config.runDir, name) });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
