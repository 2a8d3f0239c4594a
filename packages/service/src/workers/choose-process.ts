import { crc32 } from "node:zlib";
import { limits } from "./limits.ts";

/** A process that may be given the next connection; the parent is number 0. */
export interface Candidate {
  readonly number: number;
  readonly connections: number;
}

/**
 * Who gets a connection from this address: the process with the fewest, or the one where those of the address go
 * unless it has too many more. A mail client has several connections, and a household several clients, of the same
 * few accounts: in one process these share what it knows of their mailboxes.
 *
 * @param more how many more connections than the fewest it may have, besides limits.moreShare of them
 */
export function chooseProcess<Process extends Candidate>(
  candidates: readonly [Process, ...Process[]],
  address: string,
  more: number,
): Process {
  // Where all have as many it is a worker's turn: the parent has to place the next ones, too.
  const fewest = candidates.reduce((best, one) =>
    one.connections < best.connections ||
    (best.number === 0 && one.connections === best.connections)
      ? one
      : best,
  );
  const home = candidates.reduce((best, one) =>
    weight(address, one.number) > weight(address, best.number) ? one : best,
  );
  const isNear = home.connections <= fewest.connections * (1 + limits.moreShare) + more;
  return isNear ? home : fewest;
}

/** So that an address has its process for as long as that is there, whatever others come and go. */
const weight = (address: string, number: number): number => crc32(`${number} ${address}`);
