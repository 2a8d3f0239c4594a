import { defineCommand } from "../command.ts";
import { refused } from "../reply.ts";
import { textLines } from "../text-lines.ts";

/** LANG: RFC 6856 §3. All that this server says is English. */
export const lang = defineCommand({
  name: "LANG",
  states: ["authorization", "named", "transaction"],
  run(_state, args) {
    const range = args.optionalWord()?.toLowerCase();
    args.end();
    if (range === undefined) return { text: "Languages follow", body: textLines(["en English"]) };
    // RFC 4647 §3.3.1: a range is the tag, or what it begins with before a hyphen.
    if (range !== "en" && range !== "*") throw refused("English is all there is: LANG en");
    return { text: "en The language is English" };
  },
});
