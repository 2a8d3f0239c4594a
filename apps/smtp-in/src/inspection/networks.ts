import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Networks of the configuration: "192.0.2.0/24", "2001:db8::/32", or one address. */
export class Networks {
  readonly #list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", bits] = network.split("/", 2);
      const family = isIPv6(address) ? "ipv6" : "ipv4";
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  has(address: string): boolean {
    // IPv4 over a socket of both families.
    const plain = address.replace(/^::ffff:(?=\d+\.)/iu, "").replace(/%.*$/su, "");
    if (isIPv4(plain)) return this.#list.check(plain, "ipv4");
    return isIPv6(plain) && this.#list.check(plain, "ipv6");
  }
}
