import type { AnnotationChange, AnnotationQuery } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";

/** What a query can be told besides its entries: RFC 5464 §4.2.1 and §4.2.2. */
export type MetadataOptions = Pick<AnnotationQuery, "depth" | "valueOctetsMax">;

/**
 * Options of GETMETADATA stand before the mailbox by the grammar of RFC 5464 §5, and behind it in all its
 * examples: both are taken.
 */
export function readGetMetadata(args: CommandReader): {
  readonly mailboxName: string | undefined;
  readonly options: MetadataOptions;
  readonly entries: readonly string[];
} {
  args.sp();
  const first = args.peek() === "(" ? readOptions(args) : undefined;
  if (first !== undefined) args.sp();
  const mailboxName = readMailboxOrServer(args);
  args.sp();
  const { options, entries } = readOptionsAndEntries(args);
  args.end();
  return { mailboxName, options: { ...first, ...options }, entries };
}

/** The empty name is the server. */
export function readMailboxOrServer(args: CommandReader): string | undefined {
  return args.take('""') ? undefined : args.mailbox();
}

/** `(entry value entry value)`, RFC 5464 §4.3. */
export function readChanges(args: CommandReader): readonly AnnotationChange[] {
  return args.parenthesised(
    () => {
      const entry = readEntry(args);
      args.sp();
      const value = args.annotationValue();
      return value === undefined ? { entry } : { entry, value };
    },
    { min: 1, max: limits.annotationEntriesMax },
  );
}

/** `(entry entry)`, of LIST RETURN (METADATA …) and GETMETADATA. */
export const readEntryList = (args: CommandReader): readonly string[] =>
  args.parenthesised(() => readEntry(args), { min: 1, max: limits.annotationEntriesMax });

function readOptionsAndEntries(args: CommandReader): {
  readonly options: MetadataOptions;
  readonly entries: readonly string[];
} {
  if (args.peek() !== "(") return { options: {}, entries: readBareEntries(args) };
  if (!args.isOptionList()) return { options: {}, entries: readEntryList(args) };
  const options = readOptions(args);
  // The examples of §4.2.1 run on after a line break, with or without a space.
  args.take(" ");
  const entries = args.peek() === "(" ? readEntryList(args) : readBareEntries(args);
  return { options, entries };
}

/** One entry, or several without parentheses, as in the example of §4.4.1. */
function readBareEntries(args: CommandReader): readonly string[] {
  const entries = [readEntry(args)];
  while (args.take(" ")) {
    entries.push(readEntry(args));
    if (entries.length > limits.annotationEntriesMax) throw bad("Too many entries", "LIMIT");
  }
  return entries;
}

function readOptions(args: CommandReader): MetadataOptions {
  const options: { depth?: 0 | 1 | "infinity"; valueOctetsMax?: number } = {};
  args.parenthesised(
    () => {
      const name = args.keyword();
      args.sp();
      if (name === "MAXSIZE") options.valueOctetsMax = args.number();
      else if (name === "DEPTH") options.depth = readDepth(args);
      else throw bad(`Unknown METADATA option ${name.slice(0, 40)}`);
    },
    { min: 1, max: 10 },
  );
  return options;
}

function readDepth(args: CommandReader): 0 | 1 | "infinity" {
  const depth = args.keyword();
  if (depth === "0" || depth === "1") return depth === "0" ? 0 : 1;
  if (depth === "INFINITY") return "infinity";
  throw bad("DEPTH is 0, 1 or infinity");
}

/** RFC 5464 §3.2: what cannot be an entry is BAD in any command. Case does not count. */
function readEntry(args: CommandReader): string {
  const entry = args.astring().toLowerCase();
  const isEntry =
    /^\/(?:private|shared)(?:\/[\x20-\x7e]+)?$/.test(entry) &&
    !/[*%]|\/\/|\/$/.test(entry) &&
    entry.length <= limits.annotationEntryBytesMax;
  if (!isEntry) throw bad("That cannot be the name of an entry");
  return entry;
}
