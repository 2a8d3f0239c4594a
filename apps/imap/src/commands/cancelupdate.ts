import { defineCommand } from "../command.ts";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";

/** CANCELUPDATE: RFC 5267 §4.3.5. */
export const cancelUpdate = defineCommand({
  name: "CANCELUPDATE",
  states: ["selected"],
  expunges: "tell",
  run({ selected }, args) {
    const tags: string[] = [];
    do {
      args.sp();
      tags.push(args.string());
      if (tags.length > limits.searchContextsMax) throw bad("Too many tags", "LIMIT");
    } while (!args.isAtEnd);
    for (const tag of tags) selected.contexts.cancel(tag);
    return { text: "No further updates" };
  },
});
