import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";

/** Where ESEARCH looks: filter-mailboxes of RFC 5465 §6, with what RFC 7377 §2.2 changes. */
export type SearchSource =
  | { readonly kind: "selected" | "personal" | "inboxes" | "subscribed" }
  | { readonly kind: "mailboxes" | "subtree" | "subtree-one"; readonly names: readonly string[] };

/** `IN (mailboxes "folder1" subtree ("folder2" Archive)) SP`; undefined where there is none. */
export function readSourceOptions(args: CommandReader): readonly SearchSource[] | undefined {
  if (!args.take("IN ")) return undefined;
  const sources = args.parenthesised(() => readSource(args), {
    min: 1,
    max: limits.searchedMailboxesMax,
  });
  args.sp();
  return sources;
}

function readSource(args: CommandReader): SearchSource {
  const kind = args.keyword().toLowerCase();
  switch (kind) {
    case "selected":
    case "personal":
    case "inboxes":
    case "subscribed":
      return { kind };
    case "mailboxes":
    case "subtree":
    case "subtree-one":
      args.sp();
      return { kind, names: readNames(args) };
    default:
      // selected-delayed is for NOTIFY, and no scope options have been defined.
      throw bad(`Unknown source ${kind.slice(0, 40)}`);
  }
}

function readNames(args: CommandReader): readonly string[] {
  if (args.peek() !== "(") return [args.mailbox()];
  return args.parenthesised(() => args.mailbox(), { min: 1, max: limits.searchedMailboxesMax });
}
