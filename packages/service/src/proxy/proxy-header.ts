import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { limits } from "./limits.ts";

/** Where a connection began, as a proxy says it. */
export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  | { readonly kind: "incomplete" }
  | { readonly kind: "wrong"; readonly reason: string }
  | {
      readonly kind: "complete";
      /** The header's octets; what comes after them is the client's. */
      readonly length: number;
      /** Absent: the proxy speaks for itself, or does not know; the connection's own addresses hold. */
      readonly client?: ProxiedClient;
    };

const V1_START = Buffer.from("PROXY ");
/** With its CRLF. */
const V1_BYTES_MAX = 107;
const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_FIXED_BYTES = 16;

/** How the addresses of a family are laid out; its size includes both ports. */
const families = {
  unspecified: 0,
  inet: 1,
  inet6: 2,
  unix: 3,
} as const;
const STREAM = 1;
const DATAGRAM = 2;

/**
 * Reads the header of the PROXY protocol, version 1 or 2, that `octets` begin with. Never throws; asks for
 * more as long as what is there could become a header.
 *
 * The checksum and what else a proxy may add to version 2 is skipped.
 */
export function readProxyHeader(octets: Buffer): ProxyHeader {
  if (isStartOf(V1_START, octets)) return readVersion1(octets);
  if (isStartOf(V2_SIGNATURE, octets)) return readVersion2(octets);
  return wrong("it does not begin as one");
}

/** Are these the first octets of a header, whole or not? For those who should not send one. */
export const looksLikeProxyHeader = (octets: Buffer): boolean =>
  octets.length >= V1_START.length &&
  (isStartOf(V1_START, octets) || isStartOf(V2_SIGNATURE, octets));

const isStartOf = (start: Buffer, octets: Buffer): boolean => {
  const length = Math.min(start.length, octets.length);
  return start.subarray(0, length).equals(octets.subarray(0, length));
};

function readVersion1(octets: Buffer): ProxyHeader {
  const end = octets.subarray(0, V1_BYTES_MAX).indexOf("\r\n");
  if (end < 0) {
    return octets.length < V1_BYTES_MAX ? incomplete : wrong("its line is longer than 107 octets");
  }
  const length = end + 2;
  const line = octets.toString("latin1", 0, end);
  // What follows UNKNOWN is not looked at.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "complete", length };
  const [, family, from = "", to = "", fromPort = "", toPort = ""] =
    /^PROXY TCP([46]) (\S+) (\S+) (\S+) (\S+)$/.exec(line) ?? [];
  const isOfFamily = family === "4" ? isIPv4 : isPlainIPv6;
  const areRight =
    family !== undefined &&
    [from, to].every((address) => isOfFamily(address)) &&
    [fromPort, toPort].every(isPort);
  if (!areRight) return wrong(`its line is not in order: ${JSON.stringify(line)}`);
  const address = family === "4" ? from : canonicalIPv6(from);
  return { kind: "complete", length, client: { address, port: Number(fromPort) } };
}

function readVersion2(octets: Buffer): ProxyHeader {
  if (octets.length < V2_FIXED_BYTES) return incomplete;
  const versionAndCommand = octets[12] as number;
  const isLocal = versionAndCommand === 0x20;
  if (!isLocal && versionAndCommand !== 0x21) {
    return wrong(`version and command are 0x${versionAndCommand.toString(16)}`);
  }
  const length = V2_FIXED_BYTES + octets.readUInt16BE(14);
  if (length > limits.headerBytesMax) return wrong(`it has ${length} octets`);
  if (octets.length < length) return incomplete;
  // LOCAL is a health check: its family is not looked at.
  if (isLocal) return { kind: "complete", length };
  return readAddresses(octets[13] as number, octets.subarray(V2_FIXED_BYTES, length), length);
}

function readAddresses(familyAndTransport: number, addresses: Buffer, length: number): ProxyHeader {
  const family = familyAndTransport >> 4;
  const transport = familyAndTransport & 0x0f;
  if (family > families.unix || transport > DATAGRAM) {
    return wrong(`family and transport are 0x${familyAndTransport.toString(16)}`);
  }
  if (addresses.length < (sizes[family] as number)) return wrong("its addresses are too short");
  // No client of ours comes by datagrams or by the proxy's own Unix sockets.
  if (transport !== STREAM) return { kind: "complete", length };
  switch (family) {
    case families.inet: {
      const address = addresses.subarray(0, 4).join(".");
      return { kind: "complete", length, client: { address, port: addresses.readUInt16BE(8) } };
    }
    case families.inet6: {
      const groups = Array.from({ length: 8 }, (_, at) => addresses.readUInt16BE(at * 2));
      const address = canonicalIPv6(groups.map((group) => group.toString(16)).join(":"));
      return { kind: "complete", length, client: { address, port: addresses.readUInt16BE(32) } };
    }
    default:
      return { kind: "complete", length };
  }
}

/** By family: two addresses, and two ports where there are any. */
const sizes: readonly number[] = [0, 12, 36, 216];

const incomplete: ProxyHeader = { kind: "incomplete" };
const wrong = (reason: string): ProxyHeader => ({ kind: "wrong", reason });

const isPort = (text: string): boolean =>
  /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes("%");

/** As the kernel would tell it; an IPv4 client of an IPv6 socket is an IPv4 client. */
function canonicalIPv6(address: string): string {
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  return canonical.replace(/^::ffff:(?=\d+\.)/, "");
}
