import { readFile } from "node:fs/promises";
import type { Config } from "@posthouse/service";
import type { AlpnChallenges } from "./alpn-challenges.ts";
import type { Challenges } from "./challenges.ts";
import { DnsChallenges } from "./dns-challenges.ts";
import { OrderFailure } from "./order-failure.ts";

/** What the ACME server wants to see of one name. */
export interface Challenge {
  readonly name: string;
  readonly token: string;
  /** RFC 8555 §8.1 */
  readonly keyAuthorization: string;
}

export type ChallengeType = Config["acme"]["challenge"];

/** Shows the ACME server, while an order runs, that a name is ours. */
export interface Prover {
  readonly type: ChallengeType;
  /** The ACME server may look when it resolves. */
  present(challenge: Challenge): Promise<void>;
  /** The order is over, one way or the other. */
  clear(): Promise<void>;
}

/** The one that `[acme]` asks for. @throws OrderFailure */
export async function proverOf(
  { challenge, dnsServer, dnsKeyFile, dnsWaitSeconds }: Config["acme"],
  served: { readonly http: Challenges; readonly alpn: AlpnChallenges },
): Promise<Prover> {
  if (challenge === "tls-alpn-01") {
    return {
      type: challenge,
      present: async (one) => served.alpn.add(one),
      clear: async () => served.alpn.clear(),
    };
  }
  if (challenge === "dns-01") {
    return new DnsChallenges({
      server: dnsServer ?? "",
      waitMs: dnsWaitSeconds * 1000,
      ...(dnsKeyFile !== undefined && { key: await readKey(dnsKeyFile) }),
    });
  }
  return {
    type: challenge,
    present: async ({ token, keyAuthorization }) => served.http.add(token, keyAuthorization),
    clear: async () => served.http.clear(),
  };
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new OrderFailure(`acme.dns_key_file cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}
