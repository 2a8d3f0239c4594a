import type { Reply } from "../reply.ts";

/** One line of a reply: RFC 5321 §4.2. */
export interface ReplyLine {
  readonly code: number;
  readonly isLast: boolean;
  readonly text: string;
}

/** Reads one line without its CRLF; undefined when it is not a reply line. */
export function parseReplyLine(line: Uint8Array): ReplyLine | undefined {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("utf8");
  const match = /^([2-5]\d\d)(?:([ -])(.*))?$/su.exec(text);
  if (match === null) return undefined;
  return { code: Number(match[1]), isLast: match[2] !== "-", text: match[3] ?? "" };
}

/** Puts the lines of one reply together; undefined when their codes differ (RFC 5321 §4.2.1). */
export function replyOf(lines: readonly ReplyLine[]): Reply | undefined {
  const [first] = lines;
  if (first === undefined || lines.some(({ code }) => code !== first.code)) return undefined;
  const enhanced = enhancedCodeOf(first);
  const text = lines.map((line) => printable(withoutEnhancedCode(line))).join("\n");
  return { code: first.code, ...(enhanced === undefined ? {} : { enhanced }), text };
}

// RFC 2034 §4: the class of the code has to agree with the reply's first digit.
const ENHANCED_CODE = /^([245])\.(\d{1,3})\.(\d{1,3})(?= |$)/u;

function enhancedCodeOf({ code, text }: ReplyLine): string | undefined {
  const match = ENHANCED_CODE.exec(text);
  if (match === null || Number(match[1]) !== Math.trunc(code / 100)) return undefined;
  return match[0];
}

function withoutEnhancedCode(line: ReplyLine): string {
  const enhanced = enhancedCodeOf(line);
  return enhanced === undefined ? line.text : line.text.slice(enhanced.length).trimStart();
}

/** The text goes into logs and bounces: no control character of a remote host passes through. */
const printable = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, " ").trimEnd();
