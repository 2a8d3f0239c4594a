import { mechanismsOffered } from "./commands/auth.ts";
import type { Session } from "./session.ts";

/** The lines of the reply to EHLO and LHLO, for this session at this moment (RFC 5321 §4.1.1.1). */
export function extensionsOffered(session: Session): readonly string[] {
  const { options } = session;
  return [
    "PIPELINING",
    `SIZE ${options.messageBytesMax}`,
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    ...(options.isBinaryMimeOffered ? ["BINARYMIME"] : []),
    ...(options.isDsnOffered ? ["DSN"] : []),
    "ENHANCEDSTATUSCODES",
    ...(session.canStartTls ? ["STARTTLS"] : []),
    // RFC 4954 §4: not to those who may not, and not to those who have.
    ...(session.canAuthenticate ? [`AUTH ${mechanismsOffered(session).join(" ")}`] : []),
    ...(options.privateExtension === undefined ? [] : [options.privateExtension.keyword]),
  ];
}
