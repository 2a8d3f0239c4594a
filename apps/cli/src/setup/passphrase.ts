import { randomInt } from "node:crypto";

/** Letters and digits that nobody takes for each other. */
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

/** 100 random bits, in groups that can be read out: `k7mqx-w3xdp-…`. */
export const newPassphrase = (): string =>
  Array.from({ length: 4 }, () =>
    Array.from({ length: 5 }, () => LETTERS[randomInt(LETTERS.length)]).join(""),
  ).join("-");
