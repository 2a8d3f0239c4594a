import { anyState, defineCommand } from "../command.ts";
import { languageFor, languageTags } from "../language/languages.ts";
import { no } from "../response.ts";
import type { CommandReader } from "../syntax/command-reader.ts";

/** Ranges that one LANGUAGE may name. */
const RANGES_MAX = 20;

/**
 * LANGUAGE: RFC 5255 §3.2. Without arguments it lists the languages, else the first range that fits one
 * chooses it. Our namespaces have no names to translate (§3.4), so no NAMESPACE comes along.
 */
export const language = defineCommand({
  name: "LANGUAGE",
  states: anyState,
  capability: "LANGUAGE",
  expunges: "tell",
  run(_state, args, session) {
    const ranges = readRanges(args);
    if (ranges.length === 0) {
      session.output.untagged(`LANGUAGE (${languageTags.join(" ")})`);
      return { text: "Supported languages have been enumerated" };
    }
    const chosen = languageFor(ranges);
    if (chosen === undefined) {
      throw no(
        "CANNOT",
        `Unsupported language ${ranges[0]?.replaceAll(/[^\w-]/g, "?").slice(0, 40)}`,
      );
    }
    session.output.untagged(`LANGUAGE (${chosen})`);
    // RFC 5255 §3.2: the change takes effect behind that response, so already in this OK.
    session.language = chosen;
    return { text: "Language changed" };
  },
});

function readRanges(args: CommandReader): string[] {
  const ranges: string[] = [];
  while (!args.isAtEnd && ranges.length < RANGES_MAX) {
    args.sp();
    ranges.push(args.astring());
  }
  args.end();
  return ranges;
}
