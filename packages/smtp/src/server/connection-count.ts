import { isIPv6 } from "node:net";
import type { Reply } from "../reply.ts";
import { serverLimits } from "./limits.ts";
import { replies } from "./replies.ts";

/** Counts the connections of a process, over all of its listeners, in total and from each client. */
export class ConnectionCount {
  readonly #connectionsMax: number;
  readonly #perClientMax: number;
  readonly #onChange: (change: 1 | -1) => void;
  readonly #perClient = new Map<string, number>();
  #total = 0;

  constructor(
    connectionsMax: number = serverLimits.connectionsMax,
    perClientMax: number = serverLimits.connectionsPerClientMax,
    onChange: (change: 1 | -1) => void = () => {},
  ) {
    this.#connectionsMax = connectionsMax;
    this.#perClientMax = perClientMax;
    this.#onChange = onChange;
  }

  /** Counts one more, or says why not. An address of "" is a Unix socket, counted in total only. */
  enter(address: string): Reply | undefined {
    const client = clientOf(address);
    const count = this.#perClient.get(client) ?? 0;
    if (this.#total >= this.#connectionsMax) return replies.tooManyConnections;
    if (client !== "" && count >= this.#perClientMax) return replies.tooManyOfYours;
    this.#total++;
    this.#perClient.set(client, count + 1);
    this.#onChange(1);
    return undefined;
  }

  /** For one that was let in. */
  leave(address: string): void {
    const client = clientOf(address);
    const count = this.#perClient.get(client) ?? 0;
    this.#total--;
    if (count > 1) this.#perClient.set(client, count - 1);
    else this.#perClient.delete(client);
    this.#onChange(-1);
  }
}

/** A site with IPv6 has a /64 at least, and so 2^64 addresses to come from. */
function clientOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill("0")].slice(0, 4).join(":");
}
