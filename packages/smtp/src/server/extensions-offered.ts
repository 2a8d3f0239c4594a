import { xclientAttributes, xforwardAttributes } from "./client-attributes.ts";
import { mechanismsOffered } from "./commands/auth.ts";
import type { Session } from "./session.ts";

function extensionLines({ options, peer }: Session): string[] {
  const { extensions = {}, recipientsMax } = options;
  const lines: string[] = [];
  if (extensions.requireTls && peer.tls !== undefined) lines.push("REQUIRETLS");
  if (extensions.deliverBy) lines.push("DELIVERBY");
  if (extensions.priority) lines.push("MT-PRIORITY");
  const heldMax = extensions.futureReleaseSecondsMax;
  if (heldMax !== undefined) {
    const latest = new Date(Date.now() + heldMax * 1000);
    lines.push(`FUTURERELEASE ${heldMax} ${latest.toISOString().replace(/\.\d+Z$/, "Z")}`);
  }
  if (extensions.limits) lines.push(`LIMITS RCPTMAX=${recipientsMax}`);
  const unwanted = extensions.noSoliciting ?? [];
  if (unwanted.length > 0) lines.push(`NO-SOLICITING ${unwanted.join(",")}`);
  return lines;
}

/** RFC 4468 §3.1: with its argument once somebody has logged in, since nobody else may use it. */
function burlOffered({ options, peer }: Session): string[] {
  if (options.handler.fetchUrl === undefined) return [];
  return [peer.authenticatedAs === undefined ? "BURL" : "BURL imap"];
}

/** What a trusted peer may say of its clients. */
function namingOffered({ options }: Session): string[] {
  const mayLogIn = options.handler.authenticate !== undefined;
  const ofClient = [...xclientAttributes.keys()].filter((name) => mayLogIn || name !== "LOGIN");
  return [`XCLIENT ${ofClient.join(" ")}`, `XFORWARD ${[...xforwardAttributes.keys()].join(" ")}`];
}

/** The lines of the reply to EHLO and LHLO, for this session at this moment (RFC 5321 §4.1.1.1). */
export function extensionsOffered(session: Session): readonly string[] {
  const { options } = session;
  return [
    "PIPELINING",
    `SIZE ${options.messageBytesMax}`,
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    ...burlOffered(session),
    ...(options.isBinaryMimeOffered ? ["BINARYMIME"] : []),
    ...(options.isDsnOffered ? ["DSN"] : []),
    ...extensionLines(session),
    ...(options.handler.sendWaiting === undefined ? [] : ["ETRN"]),
    "ENHANCEDSTATUSCODES",
    ...(session.canStartTls ? ["STARTTLS"] : []),
    // RFC 4954 §4: not to those who may not, and not to those who have.
    ...(session.canAuthenticate ? [`AUTH ${mechanismsOffered(session).join(" ")}`] : []),
    ...(session.mayNameClients ? namingOffered(session) : []),
    ...(options.privateExtension === undefined ? [] : [options.privateExtension.keyword]),
  ];
}
