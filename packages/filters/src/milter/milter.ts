import type { Reply } from "@posthouse/smtp";
import { connectTo, type Endpoint } from "../endpoint.ts";
import type { Filter, FilterVerdict } from "../filter.ts";
import { plain, soundFields } from "../texts.ts";
import { type MilterAnswer, MilterSession } from "./milter-session.ts";

export interface MilterOptions {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly whenFound: "reject" | "quarantine" | "junk";
}

/** Any program that is a milter. Each message has a connection of its own. */
export function milterFilter({ name, endpoint, whenFound }: MilterOptions): Filter {
  return {
    name,
    async check(mail, signal) {
      const socket = await connectTo(endpoint, signal);
      try {
        return verdictOf(await new MilterSession(socket).run(mail), whenFound);
      } finally {
        socket.destroy();
      }
    },
  };
}

function verdictOf(
  { end, fields: added, quarantine }: MilterAnswer,
  whenFound: MilterOptions["whenFound"],
): FilterVerdict {
  const fields = soundFields(added);
  const reply = typeof end === "object" ? parseReply(end.reply) : undefined;
  if (end === "tempfail" || (reply !== undefined && reply.code < 500)) {
    return { action: "tempfail", reason: "asks to come again", reply: reply ?? later };
  }
  if (end === "reject" || typeof end === "object") {
    const said = reply ?? refused;
    const reason = `refuses it: ${said.text}`;
    if (whenFound !== "reject") return { action: whenFound, reason, fields };
    return { action: "reject", reason, reply: said };
  }
  // Nothing that we said 250 to is thrown away.
  if (end === "discard") return { action: "quarantine", reason: "would throw it away", fields };
  if (quarantine !== undefined) {
    return { action: "quarantine", reason: `holds it: ${plain(quarantine)}`, fields };
  }
  return { action: "accept", reason: "has nothing against it", fields };
}

const later: Reply = { code: 451, enhanced: "4.7.1", text: "Try again later" };
const refused: Reply = { code: 550, enhanced: "5.7.1", text: "A filter refused the message" };

/** "550 5.7.1 text"; undefined for anything that is no refusal. */
function parseReply(line: string): Reply | undefined {
  const match = /^([45]\d\d)[ -](?:(([45])\.\d{1,3}\.\d{1,3}) )?([^\r\n]*)/.exec(line);
  if (match === null) return undefined;
  const [, code = "", enhanced, digit, words = ""] = match;
  const isSame = digit === code[0];
  return {
    code: Number(code),
    enhanced: enhanced !== undefined && isSame ? enhanced : `${code[0]}.7.1`,
    text: plain(words) || "A filter refused the message",
  };
}
