import { bad } from "../response.ts";
import type { CommandReader, PartialRange } from "./command-reader.ts";

/** What stands behind the items of FETCH and UID FETCH: RFC 4466 §2.4. */
export interface FetchModifiers {
  /** RFC 7162 §3.1.4.1. */
  readonly changedSince?: number;
  /** RFC 7162 §3.2.6. */
  readonly isVanished: boolean;
  /** RFC 9394 §3.3. */
  readonly partial?: PartialRange;
}

/** `SP "(" fetch-modifier *(SP fetch-modifier) ")"`, or nothing. */
export function readFetchModifiers(
  args: CommandReader,
  { isUid }: { readonly isUid: boolean },
): FetchModifiers {
  if (!args.take(" ")) return { isVanished: false };
  let changedSince: number | undefined;
  let isVanished = false;
  let partial: PartialRange | undefined;
  args.parenthesised(
    () => {
      const name = args.keyword();
      if (name === "CHANGEDSINCE") {
        args.sp();
        changedSince = args.modSequence();
        if (changedSince === 0) throw bad("Expected a modseq above zero");
      } else if (name === "VANISHED" && isUid) isVanished = true;
      else if (name === "PARTIAL" && isUid) {
        args.sp();
        partial = args.partialRange();
      } else throw bad(`Unknown modifier ${name.slice(0, 40)}`);
    },
    { min: 1, max: 10 },
  );
  if (isVanished && changedSince === undefined) throw bad("VANISHED needs CHANGEDSINCE");
  return {
    isVanished,
    ...(changedSince !== undefined && { changedSince }),
    ...(partial !== undefined && { partial }),
  };
}
