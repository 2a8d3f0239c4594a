import { isIPv4, isIPv6 } from "node:net";
import type { Reply } from "../reply.ts";
import { serverLimits } from "./limits.ts";
import { replies } from "./replies.ts";

export interface ConnectionLimits {
  readonly totalMax: number;
  /** Of one IPv4 address, or one IPv6 /64. */
  readonly perClientMax: number;
  /** Of one IPv4 /24; an IPv6 /64 is one client. */
  readonly perNetworkMax: number;
}

/** Counts the connections of a process, over all of its listeners: in total, of each client, of each network. */
export class ConnectionCount {
  readonly #limits: ConnectionLimits;
  readonly #onChange: (change: 1 | -1) => void;
  readonly #perClient = new Map<string, number>();
  readonly #perNetwork = new Map<string, number>();
  #total = 0;

  constructor(
    limits: Partial<ConnectionLimits> = {},
    onChange: (change: 1 | -1) => void = () => {},
  ) {
    this.#limits = {
      totalMax: serverLimits.connectionsMax,
      perClientMax: serverLimits.connectionsPerClientMax,
      perNetworkMax: serverLimits.connectionsMax,
      ...limits,
    };
    this.#onChange = onChange;
  }

  /** So many are here that silence is dear: four of five places are taken. */
  get isCrowded(): boolean {
    return this.#total >= this.#limits.totalMax * serverLimits.crowdedFrom;
  }

  /** Counts one more, or says why not. An address of "" is a Unix socket, counted in total only. */
  enter(address: string): Reply | undefined {
    const { totalMax, perClientMax, perNetworkMax } = this.#limits;
    if (this.#total >= totalMax) return replies.tooManyConnections;
    if (address !== "") {
      const ofClient = this.#perClient.get(clientOf(address)) ?? 0;
      const ofNetwork = this.#perNetwork.get(networkOf(address)) ?? 0;
      if (ofClient >= perClientMax || ofNetwork >= perNetworkMax) return replies.tooManyOfYours;
    }
    this.#total++;
    change(this.#perClient, clientOf(address), 1);
    change(this.#perNetwork, networkOf(address), 1);
    this.#onChange(1);
    return undefined;
  }

  /** For one that was let in. */
  leave(address: string): void {
    this.#total--;
    change(this.#perClient, clientOf(address), -1);
    change(this.#perNetwork, networkOf(address), -1);
    this.#onChange(-1);
  }
}

function change(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

/** Around an address: 24 bits of IPv4, 64 of IPv6. */
export function networkOf(address: string): string {
  return isIPv4(address) ? address.replace(/\d+$/, "0/24") : clientOf(address);
}

/** A site with IPv6 has a /64 at least, and so 2^64 addresses to come from. */
function clientOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill("0")].slice(0, 4).join(":");
}
