import { decodeWord, encodeWord, isEncodedWord } from "./plain-word.ts";

/** In the account's directory: the addresses of accounts that share with this one, one a line. */
export const sharersFileName = "posthouse-sharers";

/** Never throws; lines that are no address are passed over. */
export function parseSharers(octets: Buffer): readonly string[] {
  return octets
    .toString("latin1")
    .split("\n")
    .filter((line) => line.includes("@") && isEncodedWord(line))
    .map(decodeWord);
}

export const formatSharers = (addresses: ReadonlySet<string>): string =>
  [...addresses]
    .sort()
    .map((address) => `${encodeWord(address)}\n`)
    .join("");
