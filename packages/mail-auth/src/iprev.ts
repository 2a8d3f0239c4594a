import { DnsError, type Resolver } from "@posthouse/dns";
import { limits } from "./limits.ts";
import { shown } from "./shown.ts";
import type { IprevVerdict } from "./verdicts.ts";

/** RFC 8601 §2.7.3: the names of an address, and whether one of them leads back to it. */
export async function checkIprev(
  resolver: Pick<Resolver, "ptr" | "addresses">,
  address: string,
): Promise<IprevVerdict> {
  try {
    const { records } = await resolver.ptr(address);
    const names = records.slice(0, limits.namesOfAddressMax);
    const leadBack = await Promise.all(names.map((name) => leadsTo(resolver, name, address)));
    const name = names[leadBack.indexOf("yes")];
    if (name !== undefined) {
      return {
        result: "pass",
        address,
        name: shown(name),
        reason: `${address} is ${shown(name)}`,
      };
    }
    const first = shown(names[0] ?? "");
    if (leadBack.includes("unknown")) {
      const reason = `the address of ${first}, the name of ${address}, cannot be looked up now`;
      return { result: "temperror", address, reason };
    }
    return {
      result: "fail",
      address,
      reason: `${address} calls itself ${first}, which has another address`,
    };
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    if (error.isTransient) {
      const reason = `the name of ${address} cannot be looked up now`;
      return { result: "temperror", address, reason };
    }
    return { result: "permerror", address, reason: `${address} has no name` };
  }
}

async function leadsTo(
  resolver: Pick<Resolver, "addresses">,
  name: string,
  address: string,
): Promise<"yes" | "no" | "unknown"> {
  try {
    const { records } = await resolver.addresses(name, address.includes(":") ? 6 : 4);
    return records.some((record) => canonical(record.address) === canonical(address))
      ? "yes"
      : "no";
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return error.isTransient ? "unknown" : "no";
  }
}

/** IPv6 has many ways to write one address; that of URL is RFC 5952's. */
function canonical(address: string): string {
  return address.includes(":") ? new URL(`http://[${address}]/`).hostname : address;
}
