import { defineCommand } from "../compile/definition.ts";
import { encodeFieldText } from "../compose/encoded-text.ts";
import { mimeTextPart, plainTextPart } from "../compose/mime-text.ts";
import { concat } from "../run/message-source.ts";
import { isFieldName } from "./addheader.ts";

const encoder = new TextEncoder();

/** enclose: the message becomes an attachment of a new one, behind a text. */
export const enclose = defineCommand({
  name: "enclose",
  extension: "enclose",
  compile(args) {
    const subject = args.taggedText("subject");
    const headers = args.taggedTexts("headers");
    const isMime = args.flag("mime");
    const text = args.text("a text");
    args.end();
    return async (execution) => {
      const { message } = execution;
      await message.settle();
      const { fields, body } = isMime
        ? mimeTextPart(text.in(execution))
        : plainTextPart(text.in(execution));
      const boundary = `=_enclosed-${execution.uniqueText()}`;
      const kept = message.fields.filter(
        ({ name }) =>
          name !== "" &&
          name !== "mime-version" &&
          !name.startsWith("content-") &&
          (subject === undefined || name !== "subject"),
      );
      const added = (headers?.in(execution) ?? []).filter(isWholeField);
      const newSubject =
        subject === undefined ? "" : `Subject: ${encodeFieldText(subject.in(execution))}\r\n`;
      const header = concat([
        ...kept.map(({ raw }) => raw),
        encoder.encode(
          `${newSubject}${added.map((field) => `${field}\r\n`).join("")}MIME-Version: 1.0\r\n` +
            `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`,
        ),
      ]);
      const before = `--${boundary}\r\n${fields}\r\n${body}\r\n--${boundary}\r\nContent-Type: message/rfc822\r\n\r\n`;
      message.replaceAll(header, [
        encoder.encode(before),
        ...message.pieces(),
        encoder.encode(`\r\n--${boundary}--\r\n`),
      ]);
      execution.tell("encloses the message in a new one");
      return undefined;
    };
  },
});

/** One field on one line, and none that the enclosing message has anyway. */
function isWholeField(field: string): boolean {
  const colon = field.indexOf(":");
  return isFieldName(field.slice(0, Math.max(colon, 0))) && /^[\x20-\x7e]*$/.test(field);
}
