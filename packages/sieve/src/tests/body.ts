import type { MessagePart } from "@posthouse/message";
import { defineTest } from "../compile/definition.ts";
import type { Execution } from "../run/execution.ts";
import { everyPart } from "../run/mime-scope.ts";
import { octetsText, partText, rawRange } from "../run/part-text.ts";

/** body: RFC 5173 §4. */
export const body = defineTest({
  name: "body",
  extension: "body",
  compile(args) {
    const transform = args.oneOf(["raw", "text"] as const);
    const content = args.taggedTexts("content");
    if (transform !== undefined && content !== undefined) {
      throw args.problem(`:${transform} and :content do not go together`);
    }
    const matching = args.matching();
    const keys = args.keys(matching);
    args.end();
    return async (execution) => {
      const matcher = keys(execution);
      const values = await valuesOf(transform, content?.in(execution), execution);
      // RFC 5173 §6: the match variables are not set by this test.
      return await execution.withoutCaptures(() => matcher.matches(values, execution));
    };
  },
});

async function valuesOf(
  transform: "raw" | "text" | undefined,
  types: readonly string[] | undefined,
  execution: Execution,
): Promise<readonly string[]> {
  const top = execution.parts.at(-1) ?? (await execution.message.parts());
  if (transform === "raw")
    return [octetsText(await rawRange(top.bodyStart, top.bodyEnd, execution))];
  // ":text" is all text, and what is meant where nothing is said (RFC 5173 §5).
  const wanted = (types ?? ["text"]).map((type) => type.toLowerCase());
  const values: string[] = [];
  for (const part of everyPart(top)) {
    execution.spend(1);
    if (wanted.some((type) => isOfType(part, type)))
      values.push(...(await textsOf(part, execution)));
  }
  return values;
}

/** RFC 5173 §5.2: "" is any, "text" all of that type; a type that is malformed matches nothing. */
function isOfType(part: MessagePart, wanted: string): boolean {
  if (wanted === "") return true;
  const [type = "", subtype, more] = wanted.split("/");
  if (type === "" || subtype === "" || more !== undefined) return false;
  return part.type === type && (subtype === undefined || part.subtype === subtype);
}

/** Of a multipart what stands before and behind its parts, of a message inside its header (§5.2). */
async function textsOf(part: MessagePart, execution: Execution): Promise<readonly string[]> {
  const [first] = part.children;
  const last = part.children.at(-1);
  if (first === undefined || last === undefined) return [await partText(part, execution)];
  if (part.type === "message") {
    return [octetsText(await rawRange(first.headerStart, first.bodyStart, execution))];
  }
  return [
    octetsText(await rawRange(part.bodyStart, first.headerStart, execution)),
    octetsText(await rawRange(last.bodyEnd, part.bodyEnd, execution)),
  ];
}
