import { randomInt } from "node:crypto";
import { connect } from "node:net";
import { limits } from "./limits.ts";
import { parseNameServer } from "./name-server.ts";
import {
  isSignedAnswer,
  type RecordSet,
  signed,
  type TsigKey,
  type UpdateRecord,
  updateMessage,
} from "./update-message.ts";

export type { TsigKey } from "./update-message.ts";

/** The name server did not do it; the message is one sentence for the administrator. */
export class DnsUpdateError extends Error {
  override readonly name = "DnsUpdateError";
  readonly isForOperator = true;
}

export interface UpdateRequest {
  /** The primary name server of the zone: `192.0.2.53`, `[::1]:5353`. */
  readonly server: string;
  readonly zone: string;
  /** Sets that are emptied before `add`. */
  readonly clear?: readonly RecordSet[];
  readonly add: readonly UpdateRecord[];
  readonly key?: TsigKey;
  readonly now?: () => number;
}

/**
 * A dynamic update (RFC 2136), over TCP: all of it holds when this resolves, and nothing of it when it
 * throws for an answer of the server.
 *
 * @throws DnsUpdateError
 */
export async function sendUpdate(request: UpdateRequest): Promise<void> {
  const { server, zone, add, clear = [], key, now = Date.now } = request;
  const { address, port } = parseNameServer(server);
  const message = updateMessage({ id: randomInt(0x1_0000), zone, clear, add });
  const sent = key === undefined ? undefined : signed(message, key, Math.floor(now() / 1000));
  const answer = await ask(sent?.octets ?? message, { server, address, port });
  if (answer.length < 12 || answer.readUInt16BE(0) !== message.readUInt16BE(0)) {
    throw new DnsUpdateError(`What the name server ${server} sent is no answer`);
  }
  const rcode = answer.readUInt16BE(2) & 0xf;
  if (rcode !== 0) throw new DnsUpdateError(refusal(server, zone, rcode, key));
  if (key !== undefined && sent !== undefined && !isSignedAnswer(answer, key, sent.mac)) {
    throw new DnsUpdateError(
      `The answer of the name server ${server} is not signed with the key "${key.name}", so it may be anybody's`,
    );
  }
}

function refusal(server: string, zone: string, rcode: number, key: TsigKey | undefined): string {
  const says = `The name server ${server} does not change the zone ${zone}`;
  if (rcode === 5 || rcode === 9) {
    return key === undefined
      ? `${says}: it lets only those who have a key, or it is not its primary; give the key`
      : `${says}: it does not know the key "${key.name}" (${key.algorithm}), the key may not do it, the clocks of both are apart, or it is not its primary`;
  }
  return `${says}: it answered ${rcodeNames[rcode] ?? `code ${rcode}`}`;
}

/** RFC 2136 §2.2. */
const rcodeNames: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP: it knows no dynamic updates",
  6: "YXDOMAIN",
  7: "YXRRSET",
  8: "NXRRSET",
  10: "NOTZONE: it does not have this zone",
};

/** RFC 7766 §8: two octets of length, then the message. */
function ask(
  message: Buffer,
  { server, address, port }: { server: string; address: string; port: number },
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect(port, address);
  const timer = setTimeout(
    () => reject(new DnsUpdateError(`The name server ${server} did not answer in time`)),
    limits.updateMsMax,
  );
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  let received = Buffer.alloc(0);
  socket.on("data", (octets) => {
    received = Buffer.concat([received, octets]);
    if (received.length < 2) return;
    const sizeBytes = received.readUInt16BE(0);
    if (received.length >= 2 + sizeBytes) resolve(received.subarray(2, 2 + sizeBytes));
  });
  socket.on("error", (cause) => {
    reject(
      new DnsUpdateError(`The name server ${server} cannot be reached: ${cause.message}`, {
        cause,
      }),
    );
  });
  socket.on("close", () =>
    reject(new DnsUpdateError(`The name server ${server} closed without an answer`)),
  );
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

const algorithms = ["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;

/**
 * A key as `tsig-keygen` of BIND or `keymgr -t` of Knot writes it, or `hmac-sha256:name:secret`.
 *
 * @throws DnsUpdateError
 */
export function parseTsigKey(text: string): TsigKey {
  const [, short = "", shortName, shortSecret] =
    /^\s*(?:#\s*)?(hmac-[\w-]+):([^:\s]+):([A-Za-z0-9+/=]+)\s*$/mu.exec(text) ?? [];
  const name =
    shortName ?? /\bkey\s+"?([^\s"{]+)"?\s*\{/u.exec(text)?.[1] ?? /\bid:\s*(\S+)/u.exec(text)?.[1];
  const secret = shortSecret ?? /\bsecret:?\s*"?([A-Za-z0-9+/]+=*)"?/u.exec(text)?.[1];
  const asked = short || (/\balgorithm:?\s*"?([\w-]+)"?/u.exec(text)?.[1] ?? "hmac-sha256");
  const algorithm = algorithms.find((one) => one === asked.toLowerCase());
  if (name === undefined || secret === undefined) {
    throw new DnsUpdateError(
      'There is no TSIG key in it: write "hmac-sha256:name:secret", or what tsig-keygen or keymgr -t prints',
    );
  }
  if (algorithm === undefined) {
    throw new DnsUpdateError(
      `The TSIG key "${name}" is for ${asked}; ${algorithms.join(", ")} are known here`,
    );
  }
  return { name: name.replaceAll('"', ""), algorithm, secret: Buffer.from(secret, "base64") };
}
