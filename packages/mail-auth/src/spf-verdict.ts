import type { SPFResult } from "mailauth";
import { shown } from "./shown.ts";
import type { MessageOrigin } from "./thread-messages.ts";
import type { SpfVerdict } from "./verdicts.ts";

/** From mailauth's words to ours. */
export function spfVerdict({ domain, status }: SPFResult, origin: MessageOrigin): SpfVerdict {
  const result = isSpfResult(status.result) ? status.result : "temperror";
  const identity = origin.reversePath === "" ? "helo" : "mailfrom";
  const name = shown(domain);
  return {
    result,
    identity,
    domain: name,
    reason: reasons[result](name, shown(origin.clientAddress), whyOf(status.comment)),
  };
}

const reasons: Readonly<
  Record<SpfVerdict["result"], (domain: string, client: string, why: string) => string>
> = {
  pass: (domain, client) => `${domain} lets ${client} send its mail`,
  fail: (domain, client) => `${domain} says that ${client} may not send its mail`,
  softfail: (domain, client) =>
    `${domain} says that ${client} should not send its mail, but is not sure`,
  neutral: (domain, client) => `${domain} does not say whether ${client} may send its mail`,
  none: (domain) => `${domain} has no SPF record`,
  temperror: (domain, _client, why) => `the SPF record of ${domain} cannot be looked up now${why}`,
  permerror: (domain, _client, why) => `the SPF record of ${domain} cannot be used${why}`,
};

const isSpfResult = (word: string): word is SpfVerdict["result"] => Object.hasOwn(reasons, word);

/** mailauth puts its reason behind "… during lookup of ADDRESS: ". */
function whyOf(comment: string | undefined): string {
  const why = /during lookup of .*?: ([^:]+(?:: [^:]+)?)$/su.exec(comment ?? "")?.[1];
  return why === undefined ? "" : `: ${shown(why)}`;
}
