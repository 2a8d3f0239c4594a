import type { DKIMResult } from "mailauth";
import { shown } from "./shown.ts";
import type { DkimVerdict } from "./verdicts.ts";

/** From mailauth's words to ours. */
export function dkimVerdict(signature: DKIMResult): DkimVerdict {
  const { status, signingDomain = "", selector = "", algo = "" } = signature;
  const result = isDkimResult(status.result) ? status.result : "neutral";
  const domain = shown(signingDomain.toLowerCase());
  return {
    result,
    domain,
    selector: shown(selector),
    algorithm: shown(algo),
    signature: shown((signature.signature ?? "").replaceAll(/\s/g, "").slice(0, 8)),
    reason: reasonOf(signature, result, domain),
  };
}

function reasonOf({ status }: DKIMResult, result: DkimVerdict["result"], domain: string): string {
  const why = status.comment === undefined ? "" : `: ${shown(status.comment)}`;
  switch (result) {
    case "pass": {
      const { underSized = 0, testing = false } = status;
      const uncovered = underSized > 0 ? `, but not its last ${underSized} octets` : "";
      return `${domain} signed it${uncovered}${testing ? ", and is only testing" : ""}`;
    }
    case "fail":
      return `the message is not as ${domain} signed it${why}`;
    case "policy":
      return `the signature of ${domain} is too weak: ${shown(status.policy?.["dkim-rules"] ?? "its key or algorithm")}`;
    case "temperror":
      return `the key of ${domain} cannot be looked up now${why}`;
    case "neutral":
    case "permerror":
      return `the signature of ${domain === "" ? "somebody" : domain} cannot be checked${why}`;
  }
}

const isDkimResult = (word: string): word is DkimVerdict["result"] =>
  ["pass", "fail", "policy", "neutral", "temperror", "permerror"].includes(word);
