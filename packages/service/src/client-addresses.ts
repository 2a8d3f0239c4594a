import { BlockList, isIPv4, isIPv6, type Server } from "node:net";
import type { Logger } from "./log.ts";

/** So many connections from one address, before any from another, are no coincidence on a server that people use. */
const CONNECTIONS = 100;

/** Addresses that never come over the internet: RFC 1918 §3, RFC 3927 §2.1, RFC 4193 §3.1, RFC 4291 §2.5.6. */
const privateAddresses = new BlockList();
privateAddresses.addSubnet("10.0.0.0", 8, "ipv4");
privateAddresses.addSubnet("172.16.0.0", 12, "ipv4");
privateAddresses.addSubnet("192.168.0.0", 16, "ipv4");
privateAddresses.addSubnet("169.254.0.0", 16, "ipv4");
privateAddresses.addSubnet("fc00::", 7, "ipv6");
privateAddresses.addSubnet("fe80::", 10, "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * Warns, once, when every client seems to have the same private address: then a container's bridge, a
 * NAT or a proxy stands before this server, bans hit everybody, and nothing can tell the clients apart.
 *
 * It only warns. A private address is never trusted for anything, since whoever comes through that
 * gateway has it. Connections from this host itself (health checks, webmail) say nothing and do not count.
 */
export class ClientAddressWatch {
  readonly #log: Pick<Logger, "warn">;
  #only: string | undefined;
  #count = 0;
  #isOver = false;

  constructor(log: Pick<Logger, "warn">) {
    this.#log = log;
  }

  /** Looks at every connection that `server` accepts. One watch is for all listeners of an app. */
  watch(server: Server): void {
    server.on("connection", (socket) => this.accepted(socket.remoteAddress));
  }

  /** @param remoteAddress undefined when the client has gone already, or on a Unix socket */
  accepted(remoteAddress: string | undefined): void {
    if (this.#isOver || remoteAddress === undefined) return;
    const address = plainAddress(remoteAddress);
    if (isLoopback(address)) return;
    this.#only ??= address;
    if (address !== this.#only || !isIn(privateAddresses, address)) {
      this.#isOver = true;
      return;
    }
    this.#count += 1;
    if (this.#count < CONNECTIONS) return;
    this.#isOver = true;
    this.#log.warn(
      { address },
      `The first ${CONNECTIONS} connections all came from the private address ${address}: a NAT or a proxy seems to hide the clients, so a ban would hit all of them; in a container use network_mode: host, or have the proxy send the PROXY protocol and name it in proxy_from of the listener`,
    );
  }
}

/** Is this an address of the host itself? */
export const isLoopback = (address: string): boolean => isIn(loopback, plainAddress(address));

/** Without the zone of a link-local address, and IPv4 as IPv4. */
function plainAddress(address: string): string {
  const [plain = ""] = address.toLowerCase().split("%");
  return plain.replace(/^::ffff:(?=\d+\.)/, "");
}

function isIn(list: BlockList, address: string): boolean {
  if (isIPv4(address)) return list.check(address, "ipv4");
  return isIPv6(address) && list.check(address, "ipv6");
}
