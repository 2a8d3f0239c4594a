import { setTimeout as wait } from "node:timers/promises";
import { connectSmtp, SmtpConnectionError } from "@posthouse/smtp";
import { readEvents, type TrailEvent } from "../trace/read-events.ts";
import type { Finding } from "./finding.ts";

const DELIVERED_MS_MAX = 20_000;
const LOOK_MS = 200;

/** Sends a message through the whole path, from port 25 into postmaster's mailbox, and looks whether it came. */
export async function loopBackFinding(options: {
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly domain: string;
  readonly eventsDirectory: string;
  readonly now?: () => Date;
}): Promise<Finding> {
  const id = "loop-back";
  const { host, port, hostname, domain, eventsDirectory, now = () => new Date() } = options;
  const recipient = `postmaster@${domain}`;
  const messageId = `<doctor.${now().getTime()}@${hostname}>`;
  const text = [
    `From: Posthouse <postmaster@${domain}>`,
    `To: ${recipient}`,
    "Subject: Mail comes in",
    `Date: ${now().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: ${messageId}`,
    "Auto-Submitted: auto-generated",
    "",
    "posthouse doctor sent this message to see whether mail comes in. You may delete it.",
    "",
  ].join("\r\n");
  const reply = await sent({ host, port, hostname, recipient, text });
  if (!reply.startsWith("250")) {
    return {
      id,
      state: "bad",
      says: `Port 25 did not take a message for ${recipient}: ${reply}`,
      fix: `posthouse trace ${recipient}`,
    };
  }
  for (const endMs = performance.now() + DELIVERED_MS_MAX; performance.now() < endMs; ) {
    const event = await deliveredIn(eventsDirectory, messageId);
    if (event !== undefined) {
      return {
        id,
        state: "good",
        says: `A message came in by port 25 and is in the mailbox of ${recipient}`,
      };
    }
    await wait(LOOK_MS);
  }
  return {
    id,
    state: "bad",
    says: `Port 25 took a message for ${recipient}, and it was not delivered within ${DELIVERED_MS_MAX / 1000} s`,
    fix: `posthouse trace ${recipient}, and posthouse health lmtp-delivery`,
  };
}

async function sent(options: {
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly recipient: string;
  readonly text: string;
}): Promise<string> {
  const { host, port, hostname, recipient, text } = options;
  try {
    await using session = await connectSmtp({
      flavour: "smtp",
      host,
      port,
      heloName: hostname,
      tls: { mode: "off" },
    });
    const { recipients } = await session.send({
      reversePath: "",
      recipients: [{ address: recipient }],
      octets: (async function* () {
        yield Buffer.from(text);
      })(),
      body: "8BITMIME",
    });
    const reply = recipients[0]?.reply;
    return reply === undefined ? "no answer" : `${reply.code} ${reply.text}`;
  } catch (error) {
    if (error instanceof SmtpConnectionError) return error.message;
    throw error;
  }
}

/** lmtp-delivery says which message by our id, which the event of its acceptance has beside the Message-ID. */
async function deliveredIn(directory: string, messageId: string): Promise<TrailEvent | undefined> {
  const ids = new Set<string>();
  const isMail = (line: string) => line.includes(JSON.stringify(messageId).slice(1, -1));
  for await (const event of readEvents(directory, isMail)) {
    if (event.messageId !== undefined) ids.add(event.messageId);
  }
  for await (const event of readEvents(directory, (line) => line.includes('"delivered"'))) {
    if (event.type === "delivered" && ids.has(event.messageId ?? "")) return event;
  }
  return undefined;
}
