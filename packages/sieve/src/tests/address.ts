import { type Mailbox, parseAddressList } from "@posthouse/message";
import { defineTest } from "../compile/definition.ts";
import { addressPart, readAddressPart } from "../matching/address-part.ts";
import { fieldsNamed } from "../run/fields-named.ts";
import { rawValue } from "../run/header-values.ts";
import { isWholeMessage, readMimeScope, scopedHeaders } from "../run/mime-scope.ts";
import { readIndex } from "../run/pick-field.ts";

/** address: RFC 5228 §5.1; :index of RFC 5260 §6; :user and :detail of RFC 5233. */
export const address = defineTest({
  name: "address",
  compile(args) {
    const scope = readMimeScope(args);
    const picked = readIndex(args, "index");
    const part = readAddressPart(args);
    const matching = args.matching();
    const names = args.texts("the names of fields");
    const keys = args.keys(matching);
    args.end();
    return (execution) => {
      const { detailSeparator = "+" } = execution.surroundings;
      const wanted = names.in(execution);
      const matcher = keys(execution);
      const valuesOf = (values: readonly string[]): readonly string[] =>
        values
          .flatMap(mailboxes)
          .map(({ localPart, domain }) => addressPart(localPart, domain, part, detailSeparator))
          .filter((value) => value !== undefined);
      if (picked === undefined && isWholeMessage(scope, execution)) {
        const values = wanted.flatMap((name) => execution.message.rawValues(name));
        return matcher.matches(valuesOf(values), execution);
      }
      return scopedHeaders(scope, execution).then((headers) => {
        const fields = headers.flatMap((one) => fieldsNamed(one, wanted, picked));
        return matcher.matches(valuesOf(fields.map(rawValue)), execution);
      });
    };
  },
});

/** Of groups the members; what is no address at all is left out. */
function mailboxes(value: string): readonly Mailbox[] {
  return parseAddressList(value)
    .flatMap((address) => (address.kind === "group" ? address.members : [address]))
    .filter(({ localPart, domain }) => localPart !== "" || domain !== "");
}
