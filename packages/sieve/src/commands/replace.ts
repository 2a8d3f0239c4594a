import { defineCommand } from "../compile/definition.ts";
import { encodeFieldText } from "../compose/encoded-text.ts";
import { mimeTextPart, plainTextPart } from "../compose/mime-text.ts";
import type { Execution } from "../run/execution.ts";
import { concat, headerEnd } from "../run/message-source.ts";

const encoder = new TextEncoder();

/** replace: another text in place of the part that a loop is at, or of the whole body. */
export const replace = defineCommand({
  name: "replace",
  extension: "replace",
  compile(args) {
    const isMime = args.flag("mime");
    const subject = args.taggedText("subject");
    const from = args.taggedText("from");
    const replacement = args.text("the new text");
    args.end();
    return async (execution) => {
      const text = replacement.in(execution);
      const { fields, body } = isMime ? mimeTextPart(text) : plainTextPart(text);
      const part = execution.parts.at(-1);
      if (part !== undefined && part.headerStart > 0) {
        const octets = encoder.encode(`${fields}\r\n${body}`);
        execution.message.replace(part.headerStart, part.bodyEnd, [octets]);
      } else {
        await replaceBody(execution, fields, body, {
          subject: subject?.in(execution),
          from: from?.in(execution),
        });
      }
      execution.tell("replaces the text");
      return undefined;
    };
  },
});

/** The message keeps its fields but those that describe its body. */
async function replaceBody(
  execution: Execution,
  fields: string,
  body: string,
  changed: { readonly subject: string | undefined; readonly from: string | undefined },
): Promise<void> {
  const { message } = execution;
  await message.settle();
  const kept = message.fields.filter(({ name }) => {
    if (name === "subject") return changed.subject === undefined;
    if (name === "from") return changed.from === undefined;
    return name !== "" && name !== "mime-version" && !name.startsWith("content-");
  });
  const added =
    (changed.subject === undefined ? "" : `Subject: ${encodeFieldText(changed.subject)}\r\n`) +
    (changed.from === undefined ? "" : `From: ${encodeFieldText(changed.from)}\r\n`);
  const header = encoder.encode(`${added}MIME-Version: 1.0\r\n${fields}\r\n`);
  const whole = concat([...kept.map(({ raw }) => raw), header]);
  message.replaceAll(whole.subarray(0, headerEnd(whole)), [encoder.encode(body)]);
}
