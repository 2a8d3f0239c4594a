import { fieldBinary, type HeaderField, parseHeader } from "../header/header-fields.ts";
import { parseParameterised } from "../header/parameters.ts";
import { headerFieldsMax, languagesMax } from "../limits.ts";
import type { MessagePart } from "../message-part.ts";
import { textFromBinary } from "../octets.ts";

/** What a part's header says about it: everything in MessagePart but where it is. */
export type ContentFields = Pick<
  MessagePart,
  | "type"
  | "subtype"
  | "parameters"
  | "transferEncoding"
  | "contentId"
  | "description"
  | "md5"
  | "disposition"
  | "language"
  | "location"
>;

/** text/plain in US-ASCII: what a part is that does not say (RFC 2045 §5.2). */
export const plainText = {
  type: "text",
  subtype: "plain",
  parameters: [["charset", "us-ascii"]],
} as const satisfies Pick<MessagePart, "type" | "subtype" | "parameters">;

/** A part that is not looked into, and must not be announced as something with parts inside. */
export const opaque = {
  type: "application",
  subtype: "octet-stream",
  parameters: [],
} as const satisfies Pick<MessagePart, "type" | "subtype" | "parameters">;

/** What a part of multipart/digest is that does not say (RFC 2046 §5.1.5). */
const digestMember = {
  type: "message",
  subtype: "rfc822",
  parameters: [],
} as const satisfies Pick<MessagePart, "type" | "subtype" | "parameters">;

/** Characters of type, subtype and encoding together that even a bare part keeps. */
const bareTextMax = 200;

const mediaType = /^([!#-'*+.0-9a-z^_`{|}~-]+)\/([!#-'*+.0-9a-z^_`{|}~-]+)$/;

/** Reads the Content fields of a part's header; of two with one name the first counts. Never throws. */
export function contentFields(header: Uint8Array, isInDigest: boolean): ContentFields {
  const fields = new Map<string, HeaderField>();
  for (const field of parseHeader(header, headerFieldsMax)) {
    if (field.name.startsWith("content-") && !fields.has(field.name)) fields.set(field.name, field);
  }
  const binary = (name: string): string | undefined => {
    const field = fields.get(name);
    return field && fieldBinary(header, field);
  };
  const text = (name: string): string | undefined => {
    const value = binary(name);
    return value === undefined ? undefined : textFromBinary(value);
  };
  return {
    ...contentType(binary("content-type"), isInDigest),
    transferEncoding: parseParameterised(binary("content-transfer-encoding") ?? "").value || "7bit",
    ...present("contentId", text("content-id")),
    ...present("description", text("content-description")),
    ...present("md5", text("content-md5")),
    ...present("disposition", disposition(binary("content-disposition"))),
    ...present("language", languages(binary("content-language"))),
    ...present("location", text("content-location")),
  };
}

/** Only what is needed to tell what a part is. */
export function bareContent({ type, subtype, transferEncoding }: ContentFields): ContentFields {
  const isShort = type.length + subtype.length + transferEncoding.length <= bareTextMax;
  return isShort
    ? { type, subtype, transferEncoding, parameters: [] }
    : { ...opaque, transferEncoding: "7bit" };
}

/** About how many octets the fields take in a tree. */
export function textBytesOf(content: ContentFields): number {
  const texts = [
    content.type,
    content.subtype,
    content.transferEncoding,
    content.contentId,
    content.description,
    content.md5,
    content.location,
    content.disposition?.type,
    ...(content.language ?? []),
    ...content.parameters.flat(),
    ...(content.disposition?.parameters.flat() ?? []),
  ];
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

function contentType(
  value: string | undefined,
  isInDigest: boolean,
): Pick<MessagePart, "type" | "subtype" | "parameters"> {
  if (value === undefined) return isInDigest ? digestMember : plainText;
  const content = parseParameterised(value);
  const [, type, subtype] = mediaType.exec(content.value) ?? [];
  // RFC 2045 §5.2: what cannot be read is plain text, also in a digest.
  if (type === undefined || subtype === undefined) return plainText;
  return { type, subtype, parameters: content.parameters };
}

function disposition(value: string | undefined): MessagePart["disposition"] {
  if (value === undefined) return undefined;
  const { value: type, parameters } = parseParameterised(value);
  // RFC 2183 §2.8: a type that cannot be understood is an attachment.
  return { type: type === "" ? "attachment" : textFromBinary(type), parameters };
}

function languages(value: string | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  const tags = value
    .split(",", languagesMax)
    .map((tag) => textFromBinary(parseParameterised(tag).value))
    .filter((tag) => tag !== "");
  return tags.length === 0 ? undefined : tags;
}

function present<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { [_ in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [_ in Name]: Value });
}
