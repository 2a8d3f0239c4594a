import { type BoundAddress, listen } from "@posthouse/service";
import type { Renewals } from "./acme/renewals.ts";

const { createServer } = process.getBuiltinModule("node:http");

/**
 * HTTP on a Unix socket that only this app's user and root can use: `POST /renew` orders a certificate
 * now, and `POST /renew?new-key` one with a new key; `name=` only the one for that name. The answer comes when
 * the order is over. `POST /next-key` makes the key of a later one.
 */
export function openControlServer(renewal: Pick<Renewals, "renewNow" | "prepareKey">): {
  listen(socketPath: string): Promise<BoundAddress>;
  close(): Promise<void>;
} {
  const server = createServer((request, response) => {
    request.resume();
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://http");
    const isKnown = pathname === "/renew" || pathname === "/next-key";
    if (request.method !== "POST" || !isKnown) {
      response.writeHead(404).end("There are POST /renew and POST /next-key\n");
      return;
    }
    const name = searchParams.get("name");
    const asked = { withNewKey: searchParams.has("new-key"), ...(name !== null && { name }) };
    const answer = pathname === "/renew" ? renewal.renewNow(asked) : renewal.prepareKey();
    answer.then(
      (result) => {
        response.setHeader("content-type", "application/json");
        response.end(`${JSON.stringify(result)}\n`);
      },
      (error: Error) => response.writeHead(500).end(`${error.message}\n`),
    );
  });
  return {
    listen: (socketPath) => listen("http control", server, { socketPath, mode: 0o600 }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
