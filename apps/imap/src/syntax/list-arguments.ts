import { readStatusItems, type StatusItem } from "../answers/status.ts";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";
import { ListPattern } from "./list-pattern.ts";
import { readEntryList } from "./metadata-arguments.ts";

/** What LIST is asked for: RFC 5258 §6, RFC 5819, RFC 6154 §6, RFC 8440 §5 and RFC 9590. */
export interface ListArguments {
  readonly patterns: readonly ListPattern[];
  /** Names that the client may not know: any of the three forms of RFC 5258 §1. */
  readonly isExtended: boolean;
  /** The old request for the hierarchy separator: one empty pattern, and nothing extended. */
  readonly isForSeparator: boolean;
  readonly select: {
    readonly subscribed: boolean;
    readonly specialUse: boolean;
    readonly recursiveMatch: boolean;
  };
  readonly returns: {
    readonly subscribed: boolean;
    readonly status: readonly StatusItem[];
    readonly myRights: boolean;
    readonly metadata: readonly string[];
  };
}

/** REMOTE adds mailboxes of other servers, of which there are none. */
const selectOptions = new Set(["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"]);

/** `["(" options ")" SP] reference SP pattern-or-patterns [SP "RETURN" SP "(" options ")"]`. */
export function readListArguments(args: CommandReader, separator: "/" | "."): ListArguments {
  const selected = readSelectOptions(args);
  const reference = args.listReference();
  args.sp();
  const hasPatternList = args.peek() === "(";
  const texts = hasPatternList
    ? args.parenthesised(() => args.listMailbox(), { min: 1, max: limits.listPatternsMax })
    : [args.listMailbox()];
  const returned = readReturnOptions(args);
  args.end();

  const isExtended = selected !== undefined || hasPatternList || returned !== undefined;
  return {
    patterns: patternsOf(reference, texts, { isExtended, separator }),
    isExtended,
    isForSeparator: !isExtended && texts[0] === "",
    select: {
      subscribed: selected?.has("SUBSCRIBED") ?? false,
      specialUse: selected?.has("SPECIAL-USE") ?? false,
      recursiveMatch: selected?.has("RECURSIVEMATCH") ?? false,
    },
    returns: {
      // The SUBSCRIBED selection implies the return option (RFC 5258 §3.1).
      subscribed: (returned?.subscribed ?? false) || (selected?.has("SUBSCRIBED") ?? false),
      status: returned?.status ?? [],
      myRights: returned?.myRights ?? false,
      metadata: returned?.metadata ?? [],
    },
  };
}

/** RFC 5258 §3: a pattern that no name can match, or that we do not take, is passed over. */
export function patternsOf(
  reference: string | undefined,
  texts: readonly (string | undefined)[],
  { isExtended, separator }: { readonly isExtended: boolean; readonly separator: "/" | "." },
): ListPattern[] {
  const patterns: ListPattern[] = [];
  let charactersLeft = limits.listPatternCharactersMax;
  for (const text of texts) {
    if (reference === undefined || text === undefined) continue;
    if (isExtended && text === "") continue;
    charactersLeft -= reference.length + text.length;
    if (charactersLeft >= 0) patterns.push(new ListPattern(reference + text, separator));
  }
  return patterns;
}

function readSelectOptions(args: CommandReader): ReadonlySet<string> | undefined {
  args.sp();
  if (args.peek() !== "(") return undefined;
  const options = new Set(args.parenthesised(() => args.keyword(), { max: 20 }));
  args.sp();
  for (const option of options) {
    if (!selectOptions.has(option)) throw bad(`Unknown LIST option ${option.slice(0, 40)}`);
  }
  // RFC 5258 §3.1: RECURSIVEMATCH asks about the children of another selection.
  if (options.has("RECURSIVEMATCH") && !options.has("SUBSCRIBED")) {
    throw bad("RECURSIVEMATCH needs SUBSCRIBED");
  }
  return options;
}

function readReturnOptions(args: CommandReader): ListArguments["returns"] | undefined {
  if (args.isAtEnd) return undefined;
  args.sp();
  if (!args.take("RETURN ")) throw args.expected("RETURN");
  let subscribed = false;
  let myRights = false;
  let metadata: readonly string[] = [];
  let status: readonly StatusItem[] = [];
  args.parenthesised(
    () => {
      const option = args.keyword();
      switch (option) {
        case "SUBSCRIBED":
          subscribed = true;
          return;
        case "STATUS":
          args.sp();
          status = readStatusItems(args);
          return;
        case "MYRIGHTS":
          myRights = true;
          return;
        case "METADATA":
          args.sp();
          metadata = readEntryList(args);
          return;
        // Both are in every answer of ours.
        case "CHILDREN":
        case "SPECIAL-USE":
          return;
        default:
          throw bad(`Unknown LIST return option ${option.slice(0, 40)}`);
      }
    },
    { max: 20 },
  );
  return { subscribed, status, myRights, metadata };
}
