import { boundaryBytesMax } from "../limits.ts";
import type { MessagePart } from "../message-part.ts";
import { binaryFromText, octetsFromBinary } from "../octets.ts";
import { type ContentFields, opaque, plainText } from "./content-fields.ts";

/** A part whose end has not come yet. */
export interface OpenPart {
  readonly headerStart: number;
  /** Its type when it does not say: message/rfc822 in a digest (RFC 2046 §5.1.5). */
  readonly isInDigest: boolean;
  /** Its header has not ended while this is undefined. */
  body?: {
    readonly start: number;
    readonly content: ContentFields;
    /** Line ends of the whole message that came before the body. */
    readonly linesBefore: number;
  };
  /** Of a multipart, without its leading hyphens. */
  boundary?: Uint8Array;
  /** The close delimiter has come: what follows is the epilogue (RFC 2046 §5.1.1). */
  isClosed: boolean;
  envelope?: Uint8Array;
  readonly children: MessagePart[];
}

/** What a part holds, from its header alone. */
export type Holding =
  | { readonly kind: "leaf"; readonly content: ContentFields }
  | { readonly kind: "multipart"; readonly content: ContentFields; readonly boundary: Uint8Array }
  | { readonly kind: "message"; readonly content: ContentFields };

/** Decides whether a part is looked into; `hasRoom` is false at the limits of depth and number. */
export function holdingOf(content: ContentFields, hasRoom: boolean): Holding {
  const isMultipart = content.type === "multipart";
  if (!isMultipart && !isMessage(content)) return { kind: "leaf", content };
  if (!hasRoom) return { kind: "leaf", content: { ...content, ...opaque } };
  if (!isMultipart) {
    // RFC 6532 §3.7 lets message/global be encoded: there are no lines of a message to be found then.
    if (!isIdentity(content.transferEncoding)) {
      return { kind: "leaf", content: { ...content, ...opaque } };
    }
    return { kind: "message", content };
  }
  const boundary = boundaryOf(content);
  if (boundary === undefined) return { kind: "leaf", content: { ...content, ...plainText } };
  return { kind: "multipart", content, boundary };
}

/** A place where a part may end. */
export interface PartEnd {
  readonly offset: number;
  /** Line ends of the whole message before it. */
  readonly lines: number;
}

/**
 * The finished part. It ends before the line end that the delimiter owns, unless its header or a
 * part inside reaches up to the delimiter. A multipart in which no part began is plain text (RFC
 * 2045 §5.2).
 */
export function closedPart(
  part: OpenPart,
  beforeLineEnd: PartEnd,
  afterLineEnd: PartEnd,
): MessagePart {
  const { headerStart, body, boundary, envelope, children } = part;
  if (body === undefined) throw new RangeError("Cannot close a part whose header is open");
  const innerEnd = children.at(-1)?.bodyEnd ?? body.start;
  const end = beforeLineEnd.offset >= innerEnd ? beforeLineEnd : afterLineEnd;
  const isBarren = boundary !== undefined && children.length === 0;
  return {
    headerStart,
    bodyStart: body.start,
    bodyEnd: end.offset,
    lines: end.lines - body.linesBefore,
    ...body.content,
    ...(isBarren ? plainText : {}),
    ...(envelope === undefined ? {} : { envelope }),
    children,
  };
}

function isMessage({ type, subtype }: ContentFields): boolean {
  return type === "message" && (subtype === "rfc822" || subtype === "global");
}

function isIdentity(transferEncoding: string): boolean {
  return transferEncoding !== "base64" && transferEncoding !== "quoted-printable";
}

function boundaryOf(content: ContentFields): Uint8Array | undefined {
  const value = content.parameters.find(
    ([name]) => name === "boundary" || name === "boundary*",
  )?.[1];
  // RFC 2046 §5.1.1: a boundary does not end with white space, and relays strip that from its lines.
  const boundary = octetsFromBinary(binaryFromText(value?.trimEnd() ?? ""));
  return boundary.length === 0 || boundary.length > boundaryBytesMax ? undefined : boundary;
}
