import type { Reply } from "@posthouse/smtp";

type Codes = Pick<Reply, "code" | "enhanced"> & { readonly name: string };

/**
 * What the exit codes of sysexits.h say about a message. For good is only what speaks of the message, its
 * sender or its recipients. Where the program or this host is at fault, the mail waits until somebody mends it:
 * also after an exit code that is none of these, since most of those are a script that broke off.
 */
const sysexits: Readonly<Record<number, Codes>> = {
  64: { name: "EX_USAGE", code: 451, enhanced: "4.3.5" },
  65: { name: "EX_DATAERR", code: 554, enhanced: "5.6.0" },
  66: { name: "EX_NOINPUT", code: 451, enhanced: "4.3.0" },
  67: { name: "EX_NOUSER", code: 550, enhanced: "5.1.1" },
  68: { name: "EX_NOHOST", code: 550, enhanced: "5.1.2" },
  69: { name: "EX_UNAVAILABLE", code: 554, enhanced: "5.3.0" },
  70: { name: "EX_SOFTWARE", code: 451, enhanced: "4.3.0" },
  71: { name: "EX_OSERR", code: 451, enhanced: "4.3.0" },
  72: { name: "EX_OSFILE", code: 451, enhanced: "4.3.5" },
  73: { name: "EX_CANTCREAT", code: 451, enhanced: "4.3.0" },
  74: { name: "EX_IOERR", code: 451, enhanced: "4.3.0" },
  75: { name: "EX_TEMPFAIL", code: 451, enhanced: "4.3.0" },
  76: { name: "EX_PROTOCOL", code: 554, enhanced: "5.5.0" },
  77: { name: "EX_NOPERM", code: 550, enhanced: "5.7.0" },
  78: { name: "EX_CONFIG", code: 451, enhanced: "4.3.5" },
};

/** The reply that a program's end stands for; `output` is what it wrote. */
export function replyOfExit(
  program: string,
  exit: { readonly code: number | null; readonly signal: string | null },
  output: string,
): Reply {
  const said = output === "" ? "" : `: ${output}`;
  if (exit.code === 0) return { code: 250, enhanced: "2.0.0", text: `${program} took it${said}` };
  if (exit.code === null) {
    const text = `${program} was ended by ${exit.signal ?? "a signal"}${said}`;
    return { code: 451, enhanced: "4.3.0", text };
  }
  const { name, ...codes } = sysexits[exit.code] ?? { name: "", code: 451, enhanced: "4.3.0" };
  const ended = `ended with exit code ${exit.code}${name === "" ? "" : ` (${name})`}`;
  return { ...codes, text: `${program} ${ended}${said}` };
}
