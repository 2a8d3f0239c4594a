import { request } from "node:http";

/** Asks a server on its Unix socket, by HTTP. Rejects when it does not answer in time. */
export function askSocket(options: {
  readonly socketPath: string;
  readonly path: string;
  readonly method?: "GET" | "POST" | "PUT";
  readonly body?: string;
  readonly timeoutMs: number;
}): Promise<{ readonly status: number; readonly body: string }> {
  const { socketPath, path, method = "GET", body: sent, timeoutMs } = options;
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const asking = request({ socketPath, path, method, timeout: timeoutMs }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (piece: string) => {
      body += piece;
    });
    response.on("error", reject);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
  });
  asking.on("timeout", () => asking.destroy(new Error("no answer in time")));
  asking.on("error", reject);
  asking.end(sent);
  return promise;
}
