import type { MailAuthResults } from "@posthouse/mail-auth";
import { type Decision, take } from "./decision.ts";
import { inspectionReplies as replies } from "./inspection-replies.ts";

/**
 * What the verdicts lead to. Only DMARC decides: SPF and DKIM alone fail for mail that was forwarded, and
 * say nothing of the author whom a reader sees.
 *
 * `ageMs` is asked only where the answer counts: for how long this message has been put off already.
 */
export function decideByDmarc(
  { dmarc, arc }: Pick<MailAuthResults, "dmarc" | "arc">,
  { ageMs, deferMsMax }: { readonly ageMs: () => number | undefined; readonly deferMsMax: number },
): Decision {
  switch (dmarc.result) {
    case "pass":
    case "none":
      return take;
    case "permerror":
      if (dmarc.fault === "header-too-large") return refuse(replies.headerTooLarge);
      if (dmarc.fault === "several-from-fields") return refuse(replies.severalFromFields);
      return { action: "junk", reason: dmarc.reason };
    case "temperror": {
      // With the policy unknown as well, it could be all the mail there is: our resolver may be down.
      if (dmarc.policy !== "reject" || arc.vouchedBy !== undefined) return take;
      const age = ageMs();
      if (age === undefined || age >= deferMsMax) return take;
      return { action: "defer", reply: replies.cannotTellYet(dmarc.domain) };
    }
    case "fail":
      if (arc.vouchedBy !== undefined || dmarc.policy === "none") return take;
      if (dmarc.policy === "reject") return refuse(replies.notItsAuthor(dmarc.domain));
      return { action: "junk", reason: dmarc.reason };
  }
}

const refuse = (reply: Extract<Decision, { action: "refuse" }>["reply"]): Decision => ({
  action: "refuse",
  reply,
});
