import { createHash } from "node:crypto";
import { parseAddressList } from "@posthouse/message";
import type { ArgumentReader } from "../compile/argument-reader.ts";
import { defineCommand } from "../compile/definition.ts";
import { limits } from "../limits.ts";
import { truncate } from "../run/variables.ts";
import { readFcc } from "./destination.ts";

const daySeconds = 24 * 3600;

/** vacation: RFC 5230 §4; :seconds of RFC 6131 §2. */
export const vacation = defineCommand({
  name: "vacation",
  extension: ["vacation", "vacation-seconds"],
  compile(args) {
    const seconds = periodSeconds(args);
    const subject = args.taggedText("subject");
    const from = args.taggedText("from");
    const addresses = args.taggedTexts("addresses");
    const isMime = args.flag("mime");
    const handle = args.taggedText("handle");
    const fcc = readFcc(args);
    const reason = args.text("a reason");
    args.end();
    if (from?.constant !== undefined && !isFrom(from.constant)) {
      throw args.problem(`:from "${from.constant}" is no address`);
    }
    return (execution) => {
      const text = truncate(reason.in(execution), limits.reasonCharactersMax);
      const sender = from?.in(execution);
      if (sender !== undefined && !isFrom(sender)) {
        throw execution.error(`:from "${sender}" is no address`);
      }
      const title = subject?.in(execution);
      const copy = fcc(execution);
      execution.act(
        {
          kind: "vacation",
          ...execution.place,
          reason: text,
          isMime,
          seconds,
          addresses: addresses?.in(execution) ?? [],
          handle:
            handle?.in(execution) ?? handleOf([title ?? "", sender ?? "", String(isMime), text]),
          ...(title !== undefined && { subject: title }),
          ...(sender !== undefined && { from: sender }),
          ...(copy !== undefined && { fcc: copy }),
        },
        false,
      );
      execution.tell("answers that its owner is away, where that is safe");
      return undefined;
    };
  },
});

/** RFC 5230 §4.1: days out of bounds are no error, but taken as the nearest that are within. */
function periodSeconds(args: ArgumentReader): number {
  const days = args.taggedNumber("days");
  const seconds = args.taggedNumber("seconds", "vacation-seconds");
  if (days !== undefined && seconds !== undefined) {
    throw args.problem(":days and :seconds do not go together");
  }
  if (seconds !== undefined) return Math.min(seconds, limits.vacationDaysMax * daySeconds);
  const clamped = Math.min(Math.max(days ?? limits.vacationDaysDefault, 1), limits.vacationDaysMax);
  return clamped * daySeconds;
}

/** RFC 5230 §4.2: different texts are different replies. */
function handleOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function isFrom(text: string): boolean {
  const [first, ...others] = parseAddressList(text);
  if (first?.kind !== "mailbox" || others.length > 0) return false;
  return first.localPart !== "" && first.domain !== "";
}
