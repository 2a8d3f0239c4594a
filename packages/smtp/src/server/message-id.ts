import { randomUUID } from "node:crypto";

// Without letters and digits that are read for one another, and in the order of ASCII.
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS = 9;
const RANDOM_DIGITS = 8;

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
  // The end of a UUID is random; Node draws randomness for many of them at once.
  for (
    let left = Number.parseInt(randomUUID().slice(-10), 16), digits = 0;
    digits < RANDOM_DIGITS;
    digits++
  ) {
    id += DIGITS[left % 32];
    left = Math.floor(left / 32);
  }
  return id;
}
