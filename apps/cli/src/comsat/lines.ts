import { decodeEncodedWords, headerValue } from "@posthouse/message";

const linesMax = 7;
const charactersMax = 560;

/** What is printed of a message: its beginning is enough, `head` being the first octets of it. */
export function linesOf(
  head: Buffer,
  { address, mailbox }: { readonly address: string; readonly mailbox: string },
): string {
  const where = mailbox === "INBOX" ? "" : ` in ${mailbox}`;
  const fields = ["From", "Subject"].flatMap((name) => {
    const value = headerValue(head, name);
    return value === undefined ? [] : [`${name}: ${decodeEncodedWords(value)}`];
  });
  const lines = [
    `\u0007New mail for ${shown(address)}\u0007 has arrived${shown(where)}:`,
    "----",
    ...fields.map((line) => shown(line).slice(0, 200)),
    "",
    ...textOf(head),
    "----",
  ];
  // A terminal in raw mode does not go back to the first column by itself.
  return `\r\n${lines.join("\r\n")}\r\n`;
}

/** The first lines of a message that is plain text as it stands. */
function textOf(head: Buffer): readonly string[] {
  const type = headerValue(head, "content-type") ?? "text/plain";
  const encoding = headerValue(head, "content-transfer-encoding") ?? "7bit";
  const start = head.indexOf("\r\n\r\n");
  if (!/^text\/plain\b/i.test(type) || !/^[78]bit$/i.test(encoding) || start === -1) return [];
  const lines = head.toString("utf8", start + 4, start + 4 + charactersMax).split("\r\n");
  const full = lines.filter((line) => line.trim() !== "").slice(0, linesMax);
  const isAll = head.length <= start + 4 + charactersMax && full.length < linesMax;
  return [...full.map(shown), ...(isAll ? [] : ["...more..."])];
}

/** A message must not steer the terminal: of what does nothing to it a dot is left. */
const shown = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ".");
