import { meaningOfCause } from "@posthouse/queue";
import { listed } from "../output.ts";
import type { TrailEvent } from "./read-events.ts";

/** The story of one message, a line an event, in the order in which it happened. */
export function tell(story: readonly TrailEvent[]): string[] {
  const [first] = story;
  if (first === undefined) return [];
  const headerId = textOf(
    story.find((event) => "headerMessageId" in event),
    "headerMessageId",
  );
  return [
    `Message ${first.messageId}${headerId === "" ? "" : `, Message-ID ${headerId}`}`,
    ...story.flatMap((event) => [
      `  ${timeOf(event.atMs)}  ${sentenceOf(event)}`,
      ...dialogueOf(event).map((line) => `      ${line}`),
    ]),
  ];
}

const sentences: Readonly<Record<string, (event: TrailEvent) => string>> = {
  accepted: (event) => `accepted ${origin(event)}`,
  refused: (event) => `refused ${origin(event)}: ${textOf(event, "reply")}`,
  checked: (event) => `checked${decisionOf(event)}. ${sentencesOf(event).join(". ")}`,
  "handed-over": (event) =>
    `${textOf(event, "recipient")}: the mailbox server answered ${textOf(event, "reply")}`,
  posted: (event) =>
    `sent on to the ${textOf(event, "members")} members of ${textOf(event, "list")}, as message ${textOf(event, "postId")}`,
  queued: (event) => `put into the queue for ${listOf(event, "recipients")}`,
  delivered: (event) =>
    `delivered into ${textOf(event, "mailbox") || "the mailbox"} of ${textOf(event, "recipient") || textOf(event, "account")}${"uid" in event ? ` as UID ${textOf(event, "uid")}` : ""}`,
  discarded: (event) =>
    `${textOf(event, "recipient")}: discarded${event.reason === undefined ? " by a filter" : `: ${textOf(event, "reason")}`}`,
  "filter-failed": (event) =>
    `${textOf(event, "recipient")}: the filter failed, and the message was kept: ${textOf(event, "reason")}`,
  attempt: (event) =>
    `trying ${textOf(event, "destination") === "local" ? "the mailboxes here" : textOf(event, "destination")} for ${listOf(event, "recipients")} (attempt ${textOf(event, "attempt")})`,
  tried: (event) =>
    `asked ${hostOf(event)}${addressOf(event)}${securityOf(event)}${problemOf(event)}`,
  relayed: (event) =>
    `${textOf(event, "recipient")}: ${hostOf(event)} took it${securityOf(event)}: ${textOf(event, "reply")}`,
  deferred: (event) =>
    `${textOf(event, "recipient")}: not now. ${hostSaid(event)}${textOf(event, "reason")}.${meaningOf(event)} Next attempt ${timeOf(Number(event.nextAttemptAtMs))}`,
  held: (event) =>
    `put on hold by ${event.rule === undefined ? "the administrator" : `the rule "${textOf(event, "rule")}"`}; "posthouse queue resume" lets it go on`,
  resumed: () => "let go on by the administrator",
  retried: () => "made due at once by the administrator",
  scheduled: (event) =>
    `put off by the administrator: it is sent at ${timeOf(Number(event.untilMs))}`,
  removed: () => "taken out of the queue for good by the administrator; the sender is not told",
  bounced: (event) =>
    `${textOf(event, "recipient")}: failed for good. ${hostSaid(event)}${textOf(event, "reply")}.${meaningOf(event)} ${event.isSenderTold === true ? "The sender is told" : "Nobody can be told"}`,
  reported: (event) =>
    `a report that it ${wordOf[textOf(event, "action")] ?? textOf(event, "action")} for ${listOf(event, "recipients")} is on its way to ${textOf(event, "to")}, as message ${textOf(event, "reportId")}`,
};

const wordOf: Readonly<Record<string, string>> = {
  failed: "failed",
  delayed: "is delayed",
  delivered: "was delivered",
  relayed: "was handed on",
};

/** What happened, without the time. */
export function sentenceOf(event: TrailEvent): string {
  const sentence = sentences[event.type];
  if (sentence !== undefined) return sentence(event);
  const { v: _v, atMs: _atMs, app, type, messageId: _id, ...fields } = event;
  return `${app}: ${type} ${JSON.stringify(fields)}`;
}

const decisions: Readonly<Record<string, string>> = {
  junk: ", and put aside as junk",
  rejects: ", and put aside among the rejects",
  defer: ", and put off",
  refuse: ", and refused",
};

const decisionOf = (event: TrailEvent): string => decisions[textOf(event, "decision")] ?? "";

const sentencesOf = ({ because }: TrailEvent): readonly string[] =>
  Array.isArray(because) ? because.map(String) : [];

function origin(event: TrailEvent): string {
  const from = textOf(event, "reversePath") === "" ? "<> (a report)" : textOf(event, "reversePath");
  const account = textOf(event, "account");
  const size = "sizeBytes" in event ? `, ${textOf(event, "sizeBytes")} bytes` : "";
  const who = account === "" ? "" : `, logged in as ${account}`;
  return `from ${from} for ${listOf(event, "recipients")}${size}, by ${textOf(event, "protocol")} from ${textOf(event, "client")} (${textOf(event, "helo")})${who}`;
}

/** smtp-out says "none" for a session in the clear. */
function securityOf(event: TrailEvent): string {
  const tls = textOf(event, "tls");
  if (tls === "") return "";
  return tls === "none" ? " without TLS" : ` over ${tls.split(" ")[0]}`;
}

const dialogueOf = ({ dialogue }: TrailEvent): readonly string[] =>
  Array.isArray(dialogue) ? dialogue.map(String) : [];

const meaningOf = (event: TrailEvent): string =>
  meaningOfCause(textOf(event, "cause"))
    .map((sentence) => ` ${sentence}`)
    .join("");

function problemOf(event: TrailEvent): string {
  const problem = textOf(event, "problem");
  return problem === "" ? "" : `: ${problem}`;
}

function addressOf(event: TrailEvent): string {
  const address = textOf(event, "address");
  return address === "" || address === textOf(event, "host") ? "" : ` [${address}]`;
}

const hostOf = (event: TrailEvent) => textOf(event, "host") || "the next host";
const hostSaid = (event: TrailEvent) =>
  textOf(event, "host") === "" ? "" : `${textOf(event, "host")} said `;

function textOf(event: TrailEvent | undefined, field: string): string {
  const value = event?.[field];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function listOf(event: TrailEvent, field: string): string {
  const value = event[field];
  return Array.isArray(value) ? listed(value, RECIPIENTS_SHOWN_MAX) : textOf(event, field);
}

/** A line of a thousand addresses is not read. */
const RECIPIENTS_SHOWN_MAX = 10;

/** UTC, to the millisecond: what is compared with other hosts' logs. */
export const timeOf = (atMs: number): string =>
  Number.isFinite(atMs) ? new Date(atMs).toISOString().replace("T", " ") : "?";
