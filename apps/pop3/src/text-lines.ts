import { setImmediate } from "node:timers/promises";
import { limits } from "./limits.ts";

/** Lines as octets, in slices: a long listing lets other connections have their turn. */
export async function* textLines(lines: Iterable<string>): AsyncGenerator<Uint8Array, void, void> {
  let slice: string[] = [];
  for (const line of lines) {
    slice.push(line, "\r\n");
    if (slice.length < 2 * limits.sliceLines) continue;
    yield Buffer.from(slice.join(""), "latin1");
    slice = [];
    await setImmediate();
  }
  if (slice.length > 0) yield Buffer.from(slice.join(""), "latin1");
}
