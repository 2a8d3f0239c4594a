import { createHash } from "node:crypto";
import { defineTest } from "../compile/definition.ts";
import { limits } from "../limits.ts";

/**
 * duplicate: RFC 7352 §3. Tells of earlier runs only: what this one sees is remembered when all that it
 * decided is done, by whoever runs it. So the same test says the same thing throughout one run.
 */
export const duplicate = defineTest({
  name: "duplicate",
  extension: "duplicate",
  compile(args) {
    const handle = args.taggedText("handle");
    const header = args.taggedText("header");
    const uniqueId = args.taggedText("uniqueid");
    if (header !== undefined && uniqueId !== undefined) {
      throw args.problem(":header and :uniqueid do not go together");
    }
    const wanted = args.taggedNumber("seconds") ?? limits.duplicateSecondsDefault;
    const seconds = Math.min(wanted, limits.duplicateSecondsMax);
    const isLast = args.flag("last");
    args.end();
    return async (execution) => {
      const id =
        uniqueId === undefined
          ? execution.message.values(header?.in(execution) ?? "message-id")[0]
          : uniqueId.in(execution);
      // RFC 7352 §3.1: without an id no message is a duplicate, and nothing is remembered.
      if (id === undefined || id === "") return false;
      const key = createHash("sha256")
        .update(JSON.stringify([handle?.in(execution) ?? "", id]))
        .digest("hex");
      execution.spend(10);
      const wasSeen = (await execution.surroundings.duplicates?.wasSeen(key)) === true;
      // §3.3: the time runs from the first sight, and with :last from the last one.
      if (!wasSeen || isLast) execution.mark(key, seconds);
      return wasSeen;
    };
  },
});
