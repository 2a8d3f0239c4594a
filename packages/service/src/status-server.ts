import { join } from "node:path";
import type { AppContext, RunningApp } from "./app-context.ts";
import { listen } from "./listen.ts";

/** Not imported: that would make all that it exports, with a WebSocket client and its 6 MiB, in every server. */
const { createServer } = process.getBuiltinModule("node:http");

/** Where an app answers for its health: `<run_dir>/<app>.status.sock`. */
export const statusSocketPath = (runDir: string, app: string): string =>
  join(runDir, `${app}.status.sock`);

/**
 * HTTP on a Unix socket for health checks and Prometheus: `GET /health` says what is served,
 * `GET /metrics` how it goes. `curl --unix-socket run/imap.status.sock http://imap/metrics`
 */
export async function openStatusServer(
  name: string,
  { config, metrics }: Pick<AppContext, "config" | "metrics">,
  app: RunningApp,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url === "/health") {
      response.setHeader("content-type", "application/json");
      const problems = app.problems?.() ?? [];
      const health = { app: name, status: "ok", addresses: app.addresses, problems };
      response.end(`${JSON.stringify(health)}\n`);
      return;
    }
    if (request.url !== "/metrics") {
      response.statusCode = 404;
      response.end("There is /health and /metrics\n");
      return;
    }
    metrics.text().then(
      (text) => response.setHeader("content-type", "text/plain; version=0.0.4").end(text),
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
