import { type Command, defineCommand } from "../command.ts";
import { extensionsOffered } from "../extensions-offered.ts";
import { serverLimits } from "../limits.ts";
import { replies } from "../replies.ts";
import type { Session } from "../session.ts";

/** EHLO: RFC 5321 §4.1.1.1. */
export const ehlo = helloCommand("EHLO");

/** HELO: RFC 5321 §4.1.1.1, for clients without extensions. */
export const helo = helloCommand("HELO");

/** LHLO: RFC 2033 §4.1, the EHLO of LMTP. */
export const lhlo = helloCommand("LHLO");

function helloCommand(name: "EHLO" | "HELO" | "LHLO"): Command {
  return defineCommand({
    name,
    run(session, argument) {
      const isLmtp = session.options.flavour === "lmtp";
      // RFC 2033 §4.1: the two must not be mistaken for each other.
      if (isLmtp && name !== "LHLO") return session.bad(replies.saysLhlo);
      if (!isLmtp && name === "LHLO") return session.bad(replies.unknownCommand);
      if (!isHelo(argument)) return session.bad(replies.badHelo);
      return session.endTransaction(() => greet(session, name, argument));
    },
  });
}

function greet(session: Session, name: "EHLO" | "HELO" | "LHLO", argument: string): void {
  session.hello(name, argument);
  const lines = [session.options.hostname];
  if (name !== "HELO") lines.push(...extensionsOffered(session));
  // RFC 2034 §4: no enhanced code before the client has seen that they are there.
  session.reply({ code: 250, text: lines.join("\n") });
}

/** What clients say of themselves is seldom a domain; it must only be fit for a Received field. */
const isHelo = (argument: string): boolean =>
  argument.length <= serverLimits.heloBytesMax && /^[\x21-\x7e]+$/.test(argument);
