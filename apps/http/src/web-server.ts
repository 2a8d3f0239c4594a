import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import {
  type BoundAddress,
  type Config,
  type Logger,
  listen,
  type TlsIdentity,
} from "@posthouse/service";
import { AlpnChallenges } from "./acme/alpn-challenges.ts";
import { type Answer, answers, type Request } from "./answers.ts";
import { limits } from "./limits.ts";

/** Not imported: an import makes all that they export, with a WebSocket client and its 6 MiB. */
const http = process.getBuiltinModule("node:http");
const https = process.getBuiltinModule("node:https");

export interface WebServerOptions {
  readonly listeners: Config["http"]["listeners"];
  readonly tls: TlsIdentity;
  readonly alpn: AlpnChallenges;
  readonly log: Pick<Logger, "error">;
  readonly requests: { inc(labels: { status: string }): void };
  readonly route: (request: Request) => Promise<Answer>;
}

/**
 * The listeners of `[http]`. Plain node:http: a dozen fixed answers need neither a router nor middleware,
 * and every bound that is needed here is an option of its server.
 */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #servers: Server[] = [];

  constructor(options: WebServerOptions) {
    this.#options = options;
  }

  /** @throws ListenError; then close() is still to be called */
  async listen(): Promise<readonly BoundAddress[]> {
    const addresses: BoundAddress[] = [];
    for (const { tls, address, port } of this.#options.listeners) {
      const server = tls === "none" ? http.createServer(bounds) : this.#secureServer();
      this.#prepare(server);
      this.#servers.push(server);
      const name = tls === "none" ? "http" : "https";
      addresses.push(await listen(name, server, { address, port }));
    }
    return addresses;
  }

  /** Takes nobody new; who has asked gets an answer, within closeMsMax. */
  async close(): Promise<void> {
    const cutOff = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, limits.closeMsMax);
    await Promise.all(this.#servers.map(closeServer));
    clearTimeout(cutOff);
  }

  #secureServer(): Server {
    const { tls, alpn } = this.#options;
    const server = https.createServer({
      ...bounds,
      ...tls.options(),
      handshakeTimeout: limits.handshakeMsMax,
      SNICallback(this: TLSSocket, name, done) {
        done(null, alpn.hasChosen(this) ? undefined : tls.context(name));
      },
      ALPNCallback(this: TLSSocket, asked) {
        return alpn.choose(this, asked);
      },
    });
    server.on("secureConnection", (socket) => {
      if (AlpnChallenges.isOver(socket)) socket.destroySoon();
    });
    tls.onChange(() => server.setSecureContext(tls.options()));
    // Somebody who speaks no TLS, or trusts nothing self-made: nothing to be told about.
    server.on("tlsClientError", () => {});
    return server;
  }

  #prepare(server: Server): void {
    server.maxConnections = limits.connectionsMax;
    server.maxRequestsPerSocket = limits.requestsPerConnectionMax;
    server.on("clientError", (_error, socket) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      else socket.destroy();
    });
    server.on("request", (request, response) => void this.#answer(request, response));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#options.route(requestOf(incoming));
    } catch (err) {
      if (incoming.destroyed && !incoming.complete) return;
      this.#options.log.error({ err }, "A request failed in an unforeseen way");
      answer = answers.failed;
    }
    this.#options.requests.inc({ status: String(answer.status) });
    // A body that nobody wants is not read: without its end the connection cannot serve another request.
    if (!incoming.complete) response.shouldKeepAlive = false;
    const body = Buffer.from(answer.body);
    response.writeHead(answer.status, {
      "content-type": answer.contentType,
      "content-length": body.length,
      "x-content-type-options": "nosniff",
      ...answer.headers,
    });
    response.end(incoming.method === "HEAD" ? undefined : body);
  }
}

const bounds = {
  maxHeaderSize: limits.headerBytesMax,
  headersTimeout: limits.headerMsMax,
  requestTimeout: limits.requestMsMax,
  keepAliveTimeout: limits.keepAliveMs,
  connectionsCheckingInterval: 2000,
} as const;

function requestOf(incoming: IncomingMessage): Request {
  const { url = "/", method = "GET", headers } = incoming;
  const [path = "/"] = url.split("?", 1);
  return {
    method,
    path,
    query: new URLSearchParams(url.slice(path.length)),
    host: headers.host,
    body: (bytesMax) => readBody(incoming, bytesMax),
  };
}

async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  // Not for await: leaving the loop would destroy the connection before it is told why.
  return await new Promise((resolve, reject) => {
    incoming.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size <= bytesMax) pieces.push(piece);
      else {
        incoming.pause();
        resolve(undefined);
      }
    });
    incoming.on("end", () => resolve(Buffer.concat(pieces).toString("utf8")));
    incoming.on("error", reject);
    incoming.on("close", () => reject(new Error("The client went away")));
  });
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    if (!server.listening) {
      resolve();
      return;
    }
    server.close(() => resolve());
    server.closeIdleConnections();
  });
