import { inWords, meaningOf, replyInWords } from "./in-words.ts";
import type { QueueEntryDetail, QueueRecipient } from "./queue-entry.ts";

/** Why an entry is still in the queue and what happens next: one sentence or two a recipient. */
export function explain(entry: QueueEntryDetail, nowMs: number): string[] {
  const lines: string[] = [];
  if (entry.isHeld) {
    const who =
      entry.heldBy === undefined
        ? "The administrator"
        : `The rule "${entry.heldBy}" of smtp_out.hold`;
    lines.push(`${who} put this message on hold. \`queue resume\` lets it go on.`);
  }
  for (const recipient of entry.recipients) {
    lines.push([`${recipient.address}:`, ...sentences(recipient, nowMs)].join(" "));
  }
  return lines;
}

function sentences(recipient: QueueRecipient, nowMs: number): string[] {
  const { state, destination, attempts } = recipient;
  const said = lastSaid(recipient, nowMs);
  const where = destination === "local" ? "a mailbox here" : `the mail hosts of ${destination}`;
  switch (state.kind) {
    case "final":
      return [finalWords[state.status], ...said];
    case "on-hold":
      return ["on hold.", ...said];
    case "sending-is-off":
      return [
        "not sent, because sending to other hosts is switched off here (`send` in [smtp_out], or --send).",
        "The message stays in the queue until it is switched on.",
      ];
    case "being-sent":
      return [`being delivered to ${where} at this moment.`, ...said];
    case "due":
      return attempts === 0
        ? [`waits for its first attempt, to ${where}.`]
        : [`waits for its turn to be tried again, at ${where}.`, ...said];
    case "destination-is-down":
      return [
        `waits, because ${where} do not answer.`,
        ...said,
        `The next attempt is ${inWords(state.untilMs - nowMs)}; \`queue flush ${destination}\` tries at once.`,
      ];
    case "waiting":
      return attempts === 0
        ? [`is to be sent ${inWords(state.untilMs - nowMs)}, as its sender asked.`]
        : [
            `tried ${attempts === 1 ? "once" : `${attempts} times`}.`,
            ...said,
            `The next attempt is ${inWords(state.untilMs - nowMs)}.`,
          ];
  }
}

const finalWords = {
  delivered: "delivered into its mailbox.",
  relayed: "handed over to the next host, which is responsible for it now.",
  failed: "failed for good.",
} as const;

function lastSaid({ lastReply, remoteHost, repliedAtMs }: QueueRecipient, nowMs: number): string[] {
  if (lastReply === undefined) return [];
  const when = repliedAtMs === undefined ? "" : `, ${inWords(repliedAtMs - nowMs)}`;
  const who = remoteHost === undefined ? "Last result" : `${remoteHost} said`;
  return [`${who}${when}: ${replyInWords(lastReply)}.`, ...meaningOf(lastReply)];
}
