import { formatMailbox, type Path, PathError, parsePath } from "@posthouse/message";

/** Why a path is refused; non-ASCII without SMTPUTF8 has a reply of its own (RFC 6531 §3.5). */
type PathFault = "syntax" | "needs-smtputf8";
type ReadPath = { readonly address: string } | PathFault;

/** The reverse-path without its angle brackets, "" for the null one (RFC 5321 §4.5.5). */
export function parseMailPath(path: string, smtpUtf8: boolean): ReadPath {
  const read = parse(path, smtpUtf8);
  if (typeof read === "string") return read;
  // A sender without a domain is nobody that a reply could reach; only postmaster parses so.
  if (read.domain === "" && read.localPart !== "") return "syntax";
  return { address: formatMailbox(read) };
}

/** The forward-path; `postmaster` may stand without a domain (RFC 5321 §4.5.1), "" may not. */
export function parseRcptPath(path: string, smtpUtf8: boolean): ReadPath {
  const read = parse(path, smtpUtf8);
  if (typeof read === "string") return read;
  const address = formatMailbox(read);
  return address === "" ? "syntax" : { address };
}

function parse(path: string, smtpUtf8: boolean): Path | PathFault {
  try {
    return parsePath(path, { smtpUtf8 });
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    return error.code === "non-ascii" ? "needs-smtputf8" : "syntax";
  }
}
