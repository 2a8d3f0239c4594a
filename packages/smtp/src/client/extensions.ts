import type { Reply } from "../reply.ts";

/** Keywords in upper case and their arguments, as EHLO told them (RFC 5321 §4.1.1.1). */
export type SmtpExtensions = ReadonlyMap<string, string>;

/** Reads the lines after the first; a line that is no ehlo-line is not there for us. */
export function extensionsOf(reply: Reply): SmtpExtensions {
  const extensions = new Map<string, string>();
  for (const line of reply.text.split("\n").slice(1)) {
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =]+(.*))?$/u.exec(line);
    if (match?.[1] !== undefined) extensions.set(match[1].toUpperCase(), match[2] ?? "");
  }
  return extensions;
}

/** The SIZE limit; undefined when there is none: 0 says "no fixed maximum" (RFC 1870 §4). */
export function sizeBytesMaxOf(extensions: SmtpExtensions): number | undefined {
  const argument = extensions.get("SIZE");
  if (argument === undefined || !/^\d{1,15}$/u.test(argument)) return undefined;
  const sizeBytesMax = Number(argument);
  return sizeBytesMax === 0 ? undefined : sizeBytesMax;
}
