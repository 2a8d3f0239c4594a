import { formatDateTime } from "../date-time.ts";
import { knownAnswer } from "../known-answers.ts";
import type { Reply } from "../reply.ts";
import type { DsnAction, DsnInput, DsnRecipient } from "./dsn.ts";
import { oneLine, wrap } from "./header-text.ts";
import { dsnLimits } from "./limits.ts";
import { isWholeReturned } from "./returned-message.ts";
import { statusOf } from "./status-of.ts";

/**
 * The part for people (RFC 6522 §3): what happened, to whom, what the other side said, what it means, what
 * to do. All of it is in the first paragraph when there is one recipient, as there nearly always is.
 */
export function explanationOf(input: DsnInput): string {
  const { kind, reportingMta, recipients } = input;
  const [only] = recipients;
  const news =
    only !== undefined && recipients.length === 1
      ? [wrap(storyOf(only, kind))]
      : [
          wrap(openingOf[kind](recipients.length)),
          ...recipients.map((recipient) => aboutRecipient(recipient, kind)),
          ...adviceFor(input).map((sentence) => wrap(sentence)),
        ];
  const us = `This is the mail server ${oneLine(reportingMta)}.`;
  return [...news, wrap(`${us} ${closingOf(input)}`), ""].join("\r\n\r\n");
}

/** One recipient in one paragraph. */
function storyOf(recipient: DsnRecipient, kind: DsnAction): string {
  const { originalAddress, address, diagnostic, remoteMta, willRetryUntilMs } = recipient;
  const known = typeof diagnostic === "object" ? knownAnswer(diagnostic) : undefined;
  const isBad = kind === "failed" || kind === "delayed";
  return [
    storyBegins[kind](oneLine(originalAddress ?? address)),
    ...(diagnostic === undefined ? [] : [said(diagnostic, remoteMta)]),
    ...(isBad && known !== undefined ? [known.meaning] : []),
    ...(kind === "delayed" && willRetryUntilMs !== undefined
      ? [`It is tried until ${formatDateTime(willRetryUntilMs)}.`]
      : []),
    ...adviceFor({ kind, recipients: [recipient] }),
  ].join(" ");
}

const storyBegins = {
  failed: (to) => `Your message to ${to} could not be delivered, and is not tried any more.`,
  delayed: (to) =>
    `Your message to ${to} has not been delivered yet. You need not send it again: it is still being tried.`,
  delivered: (to) => `As you asked, we tell you that your message to ${to} was delivered.`,
  relayed: (to) =>
    `Your message to ${to} was handed to the next mail server. That server does not send notifications, so you may hear no more of it.`,
  expanded: (to) =>
    `Your message to ${to} was delivered here and passed on to several addresses. You will not be told of each of them.`,
} as const satisfies Record<DsnAction, (to: string) => string>;

function said(diagnostic: Reply | string, remoteMta: string | undefined): string {
  const words = oneLine(wordsOf(diagnostic).slice(0, dsnLimits.diagnosticCharactersMax));
  return remoteMta === undefined
    ? `The reason: ${/[.!?]$/u.test(words) ? words : `${words}.`}`
    : `We tried the mail server ${oneLine(remoteMta)}, and it answered: "${words}"`;
}

const wordsOf = (diagnostic: Reply | string): string =>
  typeof diagnostic === "string"
    ? diagnostic
    : `${diagnostic.code} ${diagnostic.enhanced ?? ""} ${diagnostic.text}`.replace(/ {2,}/gu, " ");

/** What the mail program shows in its list. */
export const subjectOf = {
  failed: "Your message could not be delivered",
  delayed: "Your message is delayed, and is still being tried",
  delivered: "Your message was delivered",
  relayed: "Your message was handed on",
  expanded: "Your message was passed on to a list or an alias",
} as const satisfies Record<DsnAction, string>;

function closingOf({ kind, envelope, original }: DsnInput): string {
  const sent = `You sent the message on ${formatDateTime(envelope.receivedAtMs)}.`;
  const id = `The administrator finds it in the log by the id ${oneLine(envelope.messageId)}.`;
  if (original === undefined) return `${sent} ${id}`;
  const what = isWholeReturned(kind, envelope, original) ? "It follows" : "Its header follows";
  return `${sent} ${what} below. ${id}`;
}

const plural = (count: number): string => (count === 1 ? "this recipient" : "these recipients");

const openingOf = {
  failed: (count) =>
    `Your message could not be delivered to ${plural(count)}, and is not tried any more:`,
  delayed: (count) =>
    `Your message has not been delivered to ${plural(count)} yet. You need not send it again: it is still being tried.`,
  delivered: (count) =>
    `As you asked, we tell you that your message was delivered to ${plural(count)}:`,
  relayed: (count) =>
    `Your message for ${plural(count)} was handed to the next mail server. That server does not send notifications, so you may hear no more of it:`,
  expanded: (count) =>
    `Your message for ${plural(count)} was delivered here and passed on to several addresses. You will not be told of each of them:`,
} as const satisfies Record<DsnAction, (count: number) => string>;

function aboutRecipient(recipient: DsnRecipient, kind: DsnAction): string {
  const { originalAddress, address, diagnostic, remoteMta, willRetryUntilMs } = recipient;
  const lines = [`  ${oneLine(originalAddress ?? address)}`];
  if (diagnostic !== undefined) lines.push(...saidOf(diagnostic, remoteMta));
  else if (remoteMta !== undefined) lines.push(`    Mail server: ${oneLine(remoteMta)}`);
  if (kind === "delayed" && willRetryUntilMs !== undefined) {
    lines.push(`    It is tried until ${formatDateTime(willRetryUntilMs)}.`);
  }
  return lines.join("\r\n");
}

function saidOf(diagnostic: Reply | string, remoteMta: string | undefined): string[] {
  if (typeof diagnostic === "string") return [indented(diagnostic)];
  const who = remoteMta === undefined ? "The reason:" : `${oneLine(remoteMta)} answered:`;
  const known = knownAnswer(diagnostic);
  const meaning = known === undefined ? [] : [indented(known.meaning)];
  return [`    ${who}`, indented(wordsOf(diagnostic)), ...meaning];
}

const indented = (text: string): string =>
  wrap(oneLine(text.slice(0, dsnLimits.diagnosticCharactersMax)), "    ", "    ");

/** What helps: one sentence for each reason that occurs. */
function adviceFor({ kind, recipients }: Pick<DsnInput, "kind" | "recipients">): string[] {
  if (kind === "delayed") {
    return [
      "You hear from us again if it cannot be delivered at all. If the message is urgent, reach the recipient in another way.",
    ];
  }
  if (kind !== "failed") return [];
  const advice = new Set(
    recipients.map((recipient) => {
      const { diagnostic } = recipient;
      const known = typeof diagnostic === "object" ? knownAnswer(diagnostic) : undefined;
      return known?.advice ?? adviceOf(statusOf(recipient, kind));
    }),
  );
  return [...advice].map((sentence) => `What you can do: ${sentence}`);
}

/** RFC 3463 §3: the most specific code that we have a sentence for. */
function adviceOf(status: string): string {
  const [, subject = "0", detail = "0"] = status.split(".");
  return (
    sentenceOf.get(`${subject}.${detail}`) ??
    sentenceOf.get(subject) ??
    "show this message to your own administrator, or to that of the recipient."
  );
}

const sentenceOf: ReadonlyMap<string, string> = new Map([
  [
    "1",
    "check the address for a typing error, and ask the recipient in another way whether it is still in use.",
  ],
  ["1.8", "check the sender's address that your mail program is set up with."],
  ["1.10", "ask the recipient for another address: this domain takes no mail at all."],
  [
    "2",
    "tell the recipient in another way that the mailbox does not take this message, and send it again later.",
  ],
  ["2.1", "ask the recipient in another way: the mailbox is switched off."],
  [
    "2.2",
    "tell the recipient in another way that the mailbox is full, and send the message again later.",
  ],
  ["2.3", "send it without its large attachments, or send a link to them."],
  ["3.4", "send it without its large attachments, or send a link to them."],
  [
    "4",
    "check the part of the address after the @. If it is right, send the message again later: the other side could not be reached.",
  ],
  ["4.4", "check the part of the address after the @: no mail server is known for it."],
  [
    "4.7",
    "send the message again later: it could not be delivered in the time that was given for it.",
  ],
  [
    "6",
    "send it as plain text, or without attachments: the other side cannot take it in this form.",
  ],
  [
    "6.7",
    "ask the recipient for an address without letters beyond a to z: the other side cannot take this one.",
  ],
  [
    "7",
    "show the answer above to your administrator or to that of the recipient: the other side does not take this message from us.",
  ],
]);
