import { readFileSync } from "node:fs";
import { BlockList, isIP, isIPv6 } from "node:net";

export interface NameServer {
  readonly address: string;
  readonly port: number;
  /** Its AD bit cannot be changed on the way to us. */
  readonly isLoopback: boolean;
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Reads `127.0.0.1`, `127.0.0.1:5353`, `::1` and `[::1]:5353`. Throws for anything else. */
export function parseNameServer(text: string): NameServer {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+))(?::(?<port>\d{1,5}))?$/u.exec(text);
  const address = isIPv6(text) ? text : (match?.groups?.v6 ?? match?.groups?.v4 ?? "");
  const port = isIPv6(text) ? 53 : Number(match?.groups?.port ?? 53);
  const family = isIP(address);
  if (family === 0 || port < 1 || port > 65_535) {
    throw new RangeError(`The name server "${text}" is not an address, or an address with a port`);
  }
  return { address, port, isLoopback: loopback.check(address, family === 6 ? "ipv6" : "ipv4") };
}

/** The servers of resolv.conf(5); without any, the one on this host, as there. */
export function systemNameServers(file = "/etc/resolv.conf"): NameServer[] {
  const servers: NameServer[] = [];
  for (const line of readOrNothing(file).split("\n")) {
    const address = /^nameserver\s+(\S+)/u.exec(line)?.[1];
    if (address !== undefined && isIP(address) !== 0) servers.push(parseNameServer(address));
  }
  return servers.length > 0 ? servers.slice(0, 3) : [parseNameServer("127.0.0.1")];
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
