import { defineTest } from "../compile/definition.ts";
import { isWholeMessage, readMimeScope, scopedHeaders } from "../run/mime-scope.ts";

/** exists: RFC 5228 §5.5. All of the fields have to be there. */
export const exists = defineTest({
  name: "exists",
  compile(args) {
    const scope = readMimeScope(args);
    const names = args.texts("the names of fields");
    args.end();
    return (execution) => {
      const wanted = names.in(execution).map((name) => name.toLowerCase());
      if (isWholeMessage(scope, execution)) {
        return wanted.every((name) => execution.message.named(name).length > 0);
      }
      return scopedHeaders(scope, execution).then((headers) => {
        const there = new Set(headers.flatMap((fields) => fields.map(({ name }) => name)));
        return wanted.every((name) => there.has(name));
      });
    };
  },
});
