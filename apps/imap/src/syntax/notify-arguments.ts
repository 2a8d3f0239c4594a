import { limits } from "../limits.ts";
import { bad, no, type ResponseCode } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";
import { type FetchAttribute, readFetchAttributes } from "./fetch-attributes.ts";

/**
 * Events that this server can tell of, as RFC 5465 §8 spells them. AnnotationChange is of annotations that
 * messages have (RFC 5257), of which there are none here.
 */
const eventNames = [
  "MessageNew",
  "MessageExpunge",
  "FlagChange",
  "MailboxName",
  "SubscriptionChange",
  "MailboxMetadataChange",
  "ServerMetadataChange",
] as const;
export type EventName = (typeof eventNames)[number];

const eventOf: ReadonlyMap<string, EventName> = new Map(
  eventNames.map((name) => [name.toUpperCase(), name]),
);
const badEvent: ResponseCode = `BADEVENT (${eventNames.join(" ")})`;
const messageEvents: ReadonlySet<EventName> = new Set([
  "MessageNew",
  "MessageExpunge",
  "FlagChange",
]);

/** NOTIFY SET: RFC 5465 §3.1. */
export interface NotifyRequest {
  /** A STATUS of each mailbox comes with the answer. */
  readonly tellsStatus: boolean;
  readonly selected?: SelectedGroup;
  readonly others: readonly EventGroup[];
}

/** What the client wants to hear of the selected mailbox (§6.1). */
export interface SelectedGroup {
  /** Expunges wait for a command that may tell them. */
  readonly isDelayed: boolean;
  readonly events: ReadonlySet<EventName>;
  /** What is fetched of a new message. */
  readonly attributes: readonly FetchAttribute[];
}

/** Mailboxes, and what the client wants to hear of them while they are not selected (§6.2 to §6.6). */
export interface EventGroup {
  readonly mailboxes:
    | { readonly kind: "inboxes" | "personal" | "subscribed" }
    | { readonly kind: "subtree" | "mailboxes"; readonly names: readonly string[] };
  readonly events: ReadonlySet<EventName>;
}

/** The arguments of NOTIFY; undefined for NONE. */
export function readNotifyArguments(args: CommandReader): NotifyRequest | undefined {
  args.sp();
  const form = args.keyword();
  if (form === "NONE") return undefined;
  if (form !== "SET") throw bad("Expected SET or NONE");
  let tellsStatus = false;
  let selected: SelectedGroup | undefined;
  const others: EventGroup[] = [];
  do {
    args.sp();
    if (others.length === 0 && selected === undefined && args.take("STATUS ")) tellsStatus = true;
    const group = readGroup(args);
    if ("mailboxes" in group) others.push(group);
    else if (selected === undefined) selected = group;
    else throw bad("SELECTED stands there twice");
    if (others.length > limits.notifyGroupsMax) throw overflow();
  } while (!args.isAtEnd);
  return { tellsStatus, others, ...(selected !== undefined && { selected }) };
}

/** Too much to watch: §3.1. */
export const overflow = () => no("NOTIFICATIONOVERFLOW", "That is more than this server watches");

function readGroup(args: CommandReader): SelectedGroup | EventGroup {
  if (!args.take("(")) throw args.expected('"("');
  const filter = args.keyword();
  switch (filter) {
    case "SELECTED":
    case "SELECTED-DELAYED":
      return {
        isDelayed: filter === "SELECTED-DELAYED",
        ...readEvents(args, { isSelected: true }),
      };
    case "INBOXES":
    case "PERSONAL":
    case "SUBSCRIBED": {
      const kind = filter.toLowerCase() as "inboxes" | "personal" | "subscribed";
      return { mailboxes: { kind }, ...readEvents(args, { isSelected: false }) };
    }
    case "SUBTREE":
    case "MAILBOXES": {
      const kind = filter.toLowerCase() as "subtree" | "mailboxes";
      args.sp();
      const names = readNames(args);
      return { mailboxes: { kind, names }, ...readEvents(args, { isSelected: false }) };
    }
    default:
      throw bad(`Unknown mailboxes ${filter.slice(0, 40)}`);
  }
}

function readNames(args: CommandReader): readonly string[] {
  if (args.peek() !== "(") return [args.mailbox()];
  return args.parenthesised(() => args.mailbox(), { min: 1, max: limits.notifyMailboxesMax });
}

interface Events {
  readonly events: ReadonlySet<EventName>;
  readonly attributes: readonly FetchAttribute[];
}

/**
 * NONE, or a list up to the end of the group. The examples of RFC 5465 leave out the parentheses that its
 * grammar has around the list, and so do clients.
 */
function readEvents(args: CommandReader, { isSelected }: { readonly isSelected: boolean }): Events {
  const events = new Set<EventName>();
  const unknown: string[] = [];
  let attributes: readonly FetchAttribute[] = [];
  args.sp();
  const isInParentheses = args.take("(");
  for (;;) {
    const name = args.keyword();
    const event = eventOf.get(name);
    if (event !== undefined) events.add(event);
    else if (name !== "NONE" || isInParentheses || events.size > 0) unknown.push(name);
    if (!args.take(" ")) break;
    if (event === "MessageNew" && args.peek() === "(") {
      if (!isSelected) throw bad("Only of the selected mailbox can something be fetched");
      attributes = readFetchAttributes(args);
      if (!args.take(" ")) break;
    }
  }
  if (isInParentheses && !args.take(")")) throw args.expected('")"');
  if (!args.take(")")) throw args.expected('")"');
  // §3.1: a refusal, and no mistake of the client's.
  if (unknown.length > 0) {
    throw no(badEvent, "There is no such event here");
  }
  refuseIncomplete(events, isSelected);
  return { events, attributes };
}

/** §5: some are only there together; and §6.1: of the selected mailbox only its messages are told. */
function refuseIncomplete(events: ReadonlySet<EventName>, isSelected: boolean): void {
  if (events.has("MessageNew") !== events.has("MessageExpunge")) {
    throw bad("MessageNew and MessageExpunge belong together");
  }
  if (events.has("FlagChange") && !events.has("MessageNew")) {
    throw bad("FlagChange needs MessageNew and MessageExpunge");
  }
  if (isSelected && !events.isSubsetOf(messageEvents)) {
    throw bad("Of the selected mailbox only message events can be told");
  }
}
