import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { isIPv6 } from "node:net";
import { CLIENT_TEST_LIMITS as limits } from "./limits.ts";

/** Where a client ends up that asks for a name: at what the DNS says, or at this very host. */
export interface Reach {
  /** Instead of what the DNS says. */
  readonly address?: string;
  /** Instead of 443, with `address`. */
  readonly httpsPort?: number;
  readonly httpPort?: number;
  /** Beside the authorities that everybody trusts. */
  readonly ca?: string;
}

export type Fetched =
  | { readonly status: number; readonly contentType: string; readonly body: Buffer }
  /** Nobody answered, or the certificate is not believed. */
  | { readonly failure: string; readonly isCertificate: boolean };

/** One request as a mail program makes it: certificates are checked, redirections followed a few times. */
export async function fetchAsClient(
  url: string,
  reach: Reach,
  options: { readonly method?: "GET" | "POST"; readonly body?: string } = {},
): Promise<Fetched> {
  let at = new URL(url);
  for (let turns = 0; turns <= limits.redirectsMax; turns += 1) {
    const answer = await ask(at, reach, options);
    if ("failure" in answer || answer.location === undefined) return answer;
    at = new URL(answer.location, at);
  }
  return { failure: "it leads from one place to another without an end", isCertificate: false };
}

type Answered = Fetched | (Extract<Fetched, { status: number }> & { readonly location?: string });

function ask(
  url: URL,
  { address, httpsPort, httpPort, ca }: Reach,
  { method = "GET", body }: { readonly method?: "GET" | "POST"; readonly body?: string },
): Promise<Answered & { readonly location?: string }> {
  const isTls = url.protocol === "https:";
  const port = address === undefined ? undefined : isTls ? httpsPort : httpPort;
  const { promise, resolve } = Promise.withResolvers<Answered & { readonly location?: string }>();
  const fail = (error: NodeJS.ErrnoException) =>
    resolve({ failure: inWords(error), isCertificate: isAboutCertificate(error) });
  const started = (isTls ? httpsRequest : httpRequest)(
    {
      host: url.hostname,
      path: url.pathname + url.search,
      method,
      agent: false,
      timeout: limits.answerMsMax,
      headers: { host: url.host, ...(body !== undefined && { "content-type": "text/xml" }) },
      ...(port !== undefined ? { port } : url.port !== "" && { port: url.port }),
      ...(address !== undefined && { lookup: always(address) }),
      ...(isTls && { servername: url.hostname, ...(ca !== undefined && { ca }) }),
    },
    (incoming) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      incoming.on("data", (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > limits.answerBytesMax) incoming.destroy(new Error("the answer has no end"));
        else pieces.push(piece);
      });
      incoming.on("error", fail);
      incoming.on("end", () => {
        const status = incoming.statusCode ?? 0;
        const { location, "content-type": contentType = "" } = incoming.headers;
        const isElsewhere = status >= 300 && status < 400 && location !== undefined;
        resolve({
          status,
          contentType,
          body: Buffer.concat(pieces),
          ...(isElsewhere && { location }),
        });
      });
    },
  );
  started.on("timeout", () => started.destroy(new Error("nobody answered in time")));
  started.on("error", fail);
  started.end(body);
  return promise;
}

const always =
  (address: string): LookupFunction =>
  (_name, options, done) => {
    const family = isIPv6(address) ? 6 : 4;
    if (options.all === true) done(null, [{ address, family }]);
    else done(null, address, family);
  };

export const isAboutCertificate = ({ code = "" }: NodeJS.ErrnoException): boolean =>
  /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code);

/** What went wrong, for people. */
export const inWords = ({ code = "", message }: NodeJS.ErrnoException): string =>
  sentences.get(code) ?? message;

const sentences: ReadonlyMap<string, string> = new Map([
  ["ENOTFOUND", "the DNS has no such name"],
  ["EAI_AGAIN", "the DNS has no such name"],
  ["ECONNREFUSED", "nobody listens there"],
  ["ETIMEDOUT", "it cannot be reached"],
  ["EHOSTUNREACH", "it cannot be reached"],
  ["ENETUNREACH", "it cannot be reached"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "its certificate is self-made"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "its certificate is self-made"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for other names"],
  ["CERT_HAS_EXPIRED", "its certificate has ended"],
]);
