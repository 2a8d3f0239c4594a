import { defineTest } from "../compile/definition.ts";
import { fieldsNamed } from "../run/fields-named.ts";
import {
  isWholeMessage,
  readMimeOption,
  readMimeScope,
  scopedHeaders,
  valuesOfField,
} from "../run/mime-scope.ts";
import { readIndex } from "../run/pick-field.ts";

/** header: RFC 5228 §5.7; :index of RFC 5260 §6. */
export const header = defineTest({
  name: "header",
  compile(args) {
    const scope = readMimeScope(args);
    const option = readMimeOption(args);
    const picked = readIndex(args, "index");
    const matching = args.matching();
    const names = args.texts("the names of fields");
    const keys = args.keys(matching);
    args.end();
    const isPlain = option === undefined && picked === undefined;
    return (execution) => {
      const wanted = names.in(execution);
      const matcher = keys(execution);
      if (isPlain && isWholeMessage(scope, execution)) {
        // One name is by far the usual case, and has its values at hand.
        const [only = ""] = wanted;
        const values =
          wanted.length === 1
            ? execution.message.values(only)
            : wanted.flatMap((name) => execution.message.values(name));
        return matcher.matches(values, execution);
      }
      return scopedHeaders(scope, execution).then((headers) => {
        const values = headers.flatMap((fields) =>
          fieldsNamed(fields, wanted, picked).flatMap((field) =>
            valuesOfField(field, option, execution),
          ),
        );
        return matcher.matches(values, execution);
      });
    };
  },
});
