import { defineTest } from "../compile/definition.ts";
import { addressPart, readAddressPart } from "../matching/address-part.ts";
import type { Execution } from "../run/execution.ts";

/** envelope: RFC 5228 §5.4; the parts that DSN has need envelope-dsn. */
export const envelope = defineTest({
  name: "envelope",
  extension: "envelope",
  compile(args) {
    const part = readAddressPart(args);
    const matching = args.matching();
    const names = args.texts("parts of the envelope");
    const keys = args.keys(matching);
    args.end();
    for (const name of names.constants ?? []) {
      if (!envelopeParts.has(name.toLowerCase()))
        throw args.problem(`unknown part "${name}" of the envelope`);
      if (dsnParts.has(name.toLowerCase())) args.requires("envelope-dsn");
    }
    return (execution) => {
      const { detailSeparator = "+" } = execution.surroundings;
      const values = names.in(execution).flatMap((name) => {
        const value = envelopeValue(name.toLowerCase(), execution);
        if (value === undefined) return [];
        // RFC 5228 §5.4: the null path is the empty string, whatever part of it is asked for.
        if (value === "" || dsnParts.has(name.toLowerCase())) return [value];
        const at = value.lastIndexOf("@");
        const [local, domain] = at === -1 ? [value, ""] : [value.slice(0, at), value.slice(at + 1)];
        const found = addressPart(local, domain, part, detailSeparator);
        return found === undefined ? [] : [found];
      });
      return keys(execution).matches(values, execution);
    };
  },
});

const dsnParts: ReadonlySet<string> = new Set(["notify", "orcpt", "ret", "envid"]);
const envelopeParts: ReadonlySet<string> = new Set(["from", "to", "auth", ...dsnParts]);

function envelopeValue(name: string, execution: Execution): string | undefined {
  const envelopeOfMessage = execution.surroundings.envelope;
  if (envelopeOfMessage === undefined) {
    throw execution.error("there is no envelope: the message was not delivered just now");
  }
  switch (name) {
    case "from":
    case "to":
    case "auth":
    case "notify":
    case "orcpt":
    case "ret":
    case "envid":
      return envelopeOfMessage[name];
    default:
      return undefined;
  }
}
