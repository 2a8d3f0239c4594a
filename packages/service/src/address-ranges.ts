import { BlockList, isIPv4, isIPv6 } from "node:net";

/**
 * Addresses and networks as they are written in the configuration: `192.0.2.7`, `192.0.2.0/24`,
 * `2001:db8::/32`. An IPv4 client of an IPv6 socket is an IPv4 client.
 */
export class AddressRanges {
  readonly #list = new BlockList();
  readonly isEmpty: boolean;

  /** @throws RangeError for what is no network; isAddressRange() says so before */
  constructor(ranges: readonly string[]) {
    this.isEmpty = ranges.length === 0;
    for (const text of ranges) {
      const range = parse(text);
      if (range === undefined) throw new RangeError(`"${text}" is no address and no network`);
      this.#list.addSubnet(range.address, range.bits, range.family);
    }
  }

  includes(address: string): boolean {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
    if (isIPv4(plain)) return this.#list.check(plain, "ipv4");
    return isIPv6(plain) && this.#list.check(plain, "ipv6");
  }
}

export const isAddressRange = (text: string): boolean => parse(text) !== undefined;

function parse(text: string) {
  const [, address = "", bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  if (family === "ipv6" && !isIPv6(address)) return undefined;
  const bitsMax = family === "ipv4" ? 32 : 128;
  const length = bits === undefined ? bitsMax : Number(bits);
  if (length > bitsMax) return undefined;
  return { address, bits: length, family } as const;
}
