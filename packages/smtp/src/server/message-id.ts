import { randomBytes } from "node:crypto";

// Without letters and digits that are read for one another, and in the order of ASCII.
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS = 9;
const RANDOM_BYTES = 5;

/**
 * Our name of a message: 17 characters, of which the first nine are the millisecond, so that names
 * sort as the messages came, and the rest 40 random bits.
 */
export function newMessageId(nowMs: number): string {
  let id = "";
  for (let left = nowMs, digits = 0; digits < TIME_DIGITS; digits++) {
    id = DIGITS[left % 32] + id;
    left = Math.floor(left / 32);
  }
  let bits = 0n;
  for (const octet of randomBytes(RANDOM_BYTES)) bits = (bits << 8n) | BigInt(octet);
  for (let digits = 0; digits < RANDOM_BYTES * 8; digits += 5) {
    id += DIGITS[Number((bits >> BigInt(digits)) & 31n)];
  }
  return id;
}
