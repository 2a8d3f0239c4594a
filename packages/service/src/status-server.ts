import { join } from "node:path";
import type { AppContext, RunningApp } from "./app-context.ts";
import { listen } from "./listen.ts";
import { sumOfMetrics } from "./metrics.ts";
import type { Workers } from "./workers/workers.ts";

/** Not imported: that would make all that it exports, with a WebSocket client and its 6 MiB, in every server. */
const { createServer } = process.getBuiltinModule("node:http");

/** Where an app answers for its health: `<run_dir>/<app>.status.sock`. */
export const statusSocketPath = (runDir: string, app: string): string =>
  join(runDir, `${app}.status.sock`);

/**
 * HTTP on a Unix socket for health checks and Prometheus: `GET /health` says what is served,
 * `GET /metrics` how it goes, of all processes of the app together.
 * `curl --unix-socket run/imap.status.sock http://imap/metrics`
 */
export async function openStatusServer(
  name: string,
  { config, metrics }: Pick<AppContext, "config" | "metrics">,
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
  };
  const server = createServer((request, response) => {
    const page = pages[request.url ?? ""];
    if (page === undefined) {
      response.statusCode = 404;
      response.end("There is /health and /metrics\n");
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
