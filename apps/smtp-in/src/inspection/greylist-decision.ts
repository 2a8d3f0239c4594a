import type { SpfVerdict } from "@posthouse/mail-auth";
import type { Envelope } from "@posthouse/smtp";
import { type Greylist, type GreylistedMail, sourceOf } from "../greylist/greylist.ts";
import { type Decision, take } from "./decision.ts";
import { inspectionReplies as replies } from "./inspection-replies.ts";

/** What greylisting says of a message, and what it is to be told when the message is taken. */
export interface Greylisted {
  readonly decision: Decision;
  /** For the trail; none where nothing was new. */
  readonly sentences: readonly string[];
  readonly letIn: () => void;
}

export function decideByGreylist(
  greylist: Greylist,
  { client, reversePath, recipients }: Pick<Envelope, "client" | "reversePath" | "recipients">,
  spf: SpfVerdict | undefined,
): Greylisted {
  const source = sourceOf(spf, client.address);
  const mail: GreylistedMail = {
    source,
    reversePath,
    recipients: recipients.map(({ originalAddress }) => originalAddress),
  };
  const answer = greylist.ask(mail);
  const letIn = () => greylist.letIn(mail);
  switch (answer.kind) {
    case "known":
      return { decision: take, sentences: [], letIn };
    case "waited":
      return { decision: take, sentences: ["Greylist: it came again"], letIn };
    case "wait": {
      const seconds = Math.ceil(answer.ms / 1000);
      return {
        decision: { action: "defer", reply: replies.newHere(seconds) },
        sentences: [`Greylist: such mail from ${source} is new, to come again after ${seconds} s`],
        letIn,
      };
    }
  }
}
