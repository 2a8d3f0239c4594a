import { isIPv4, isIPv6 } from "node:net";

/** An address, or one with the number of its leading bits. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  if (more !== undefined) return false;
  const bitsMax = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  if (bits === undefined) return bitsMax > 0;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax;
}
