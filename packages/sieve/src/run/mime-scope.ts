import { headerParameters, type MessagePart, parameterValue } from "@posthouse/message";
import type { ArgumentReader } from "../compile/argument-reader.ts";
import type { Texts } from "../compile/text.ts";
import type { Execution } from "./execution.ts";
import { decodedValue, fieldsOf, type ScriptField } from "./header-values.ts";

/** Whose header a test looks at: that of the message, or those of parts (":mime", ":anychild"). */
export interface MimeScope {
  readonly isMime: boolean;
  readonly isAnyChild: boolean;
}

export function readMimeScope(args: ArgumentReader): MimeScope {
  const isMime = args.flag("mime", "mime");
  const isAnyChild = args.flag("anychild", "mime");
  if (isAnyChild && !isMime) throw args.problem(":anychild needs :mime");
  return { isMime, isAnyChild };
}

/** Whether it is the header of the message itself, which is at hand. */
export const isWholeMessage = ({ isMime }: MimeScope, execution: Execution): boolean =>
  !isMime && execution.parts.length === 0;

/** The fields of all headers that are meant, header by header. */
export async function scopedHeaders(
  scope: MimeScope,
  execution: Execution,
): Promise<readonly (readonly ScriptField[])[]> {
  const { message } = execution;
  // Without :mime it is the message's own header, also in a loop.
  if (!scope.isMime) return [message.fields];
  const top = execution.parts.at(-1) ?? (await message.parts());
  const parts = scope.isAnyChild ? everyPart(top) : [top];
  const headers: (readonly ScriptField[])[] = [];
  for (const part of parts) {
    execution.spend(1);
    headers.push(
      part.headerStart === 0
        ? message.fields
        : fieldsOf(await message.read(part.headerStart, part.bodyStart)),
    );
  }
  return headers;
}

export function everyPart(part: MessagePart): MessagePart[] {
  return [part, ...part.children.flatMap(everyPart)];
}

/** What of a Content field is compared: its type, subtype, both, or parameters. */
export type MimeOption =
  | { readonly kind: "type" | "subtype" | "contenttype" }
  | { readonly kind: "param"; readonly names: Texts };

export function readMimeOption(args: ArgumentReader): MimeOption | undefined {
  const kind = args.oneOf(["type", "subtype", "contenttype"], "mime");
  const names = args.taggedTexts("param", "mime");
  if (kind !== undefined && names !== undefined) {
    throw args.problem(`:${kind} and :param do not go together`);
  }
  if (names !== undefined) return { kind: "param", names };
  return kind === undefined ? undefined : { kind };
}

/** The values of one field that a test compares. */
export function valuesOfField(
  field: ScriptField,
  option: MimeOption | undefined,
  execution: Execution,
): readonly string[] {
  if (option === undefined) return [decodedValue(field)];
  const content = headerParameters(field.raw, field.name);
  if (content === undefined) return [];
  const [type = "", subtype] = content.value.split("/", 2);
  switch (option.kind) {
    case "type":
      return [type];
    case "subtype":
      return subtype === undefined ? [] : [subtype];
    case "contenttype":
      return [content.value];
    case "param":
      return option.names
        .in(execution)
        .map((name) => parameterValue(content.parameters, name.toLowerCase()))
        .filter((found) => found !== undefined);
  }
}
