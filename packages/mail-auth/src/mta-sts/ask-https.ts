import { request } from "node:https";
import type { Resolver } from "@posthouse/dns";
import { isPublicAddress } from "@posthouse/service";

export interface HttpsSettings {
  readonly resolver: Resolver;
  /** Tests have a server and an authority of their own. */
  readonly port?: number;
  readonly ca?: string;
  readonly arePrivateAddressesAllowed: boolean;
}

export interface HttpsQuestion {
  /** For the whole of it. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly bytesMax: number;
  /** Posted, with its type. */
  readonly body?: { readonly type: string; readonly octets: Buffer };
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Asks a web server that a domain named: found by our own resolver, never in our own network, with a
 * certificate that holds, without following it elsewhere.
 */
export async function askHttps(
  url: URL,
  { resolver, port, ca, arePrivateAddressesAllowed }: HttpsSettings,
  { timeoutMs, signal, bytesMax, body, headers = {} }: HttpsQuestion,
): Promise<{ readonly status: number; readonly type: string; readonly text: string }> {
  const host = url.hostname;
  const { records } = await resolver.addresses(host);
  const addresses = records.filter(
    ({ address }) => arePrivateAddressesAllowed || isPublicAddress(address),
  );
  const [first] = addresses;
  if (first === undefined) throw new Error(`${host} has no public address`);
  const asking = request({
    host,
    port: port ?? (url.port === "" ? 443 : Number(url.port)),
    path: `${url.pathname}${url.search}`,
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? headers : { ...headers, "Content-Type": body.type },
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
    agent: false,
    ...(ca !== undefined && { ca }),
    lookup: (_name, options, answer) => {
      if (options.all === true) answer(null, addresses);
      else answer(null, first.address, first.family);
    },
  });
  asking.end(body?.octets);
  return await new Promise((resolve, reject) => {
    asking.on("error", reject);
    asking.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("error", reject);
      response.on("data", (piece: string) => {
        text += piece;
        if (text.length > bytesMax) asking.destroy(new Error("The answer is too long"));
      });
      const type = response.headers["content-type"] ?? "";
      response.on("end", () => resolve({ status: response.statusCode ?? 0, type, text }));
    });
  });
}
