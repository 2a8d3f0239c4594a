import type { Session } from "./command.ts";
import type { Services } from "./services.ts";

/** What this server can do for somebody who is logged in; a name is here when all of it works. */
const capabilities = [
  "IMAP4rev1",
  "IMAP4rev2", // RFC 9051
  "SASL-IR", // RFC 4959
  "ID", // RFC 2971
  "ENABLE", // RFC 5161
  "IDLE", // RFC 2177
  "NAMESPACE", // RFC 2342
  "UIDPLUS", // RFC 4315
  "UNSELECT", // RFC 3691
  "CHILDREN", // RFC 3348
  "MOVE", // RFC 6851
  "LIST-EXTENDED", // RFC 5258
  "LIST-STATUS", // RFC 5819
  "SPECIAL-USE", // RFC 6154
  "CREATE-SPECIAL-USE", // RFC 6154 §3
  "LIST-MYRIGHTS", // RFC 8440
  "LIST-METADATA", // RFC 9590
  "METADATA", // RFC 5464
  "METADATA-SERVER", // RFC 5464
  "ACL", // RFC 4314
  "RIGHTS=texk", // RFC 4314 §5.1.1
  "QUOTA", // RFC 9208
  "QUOTASET", // RFC 9208 §4.1.3
  "QUOTA=RES-STORAGE", // RFC 9208 §5.1
  "QUOTA=RES-MESSAGE", // RFC 9208 §5.2
  "QUOTA=RES-MAILBOX", // RFC 9208 §5.3
  "COMPRESS=DEFLATE", // RFC 4978
  "LANGUAGE", // RFC 5255 §3
  "UNAUTHENTICATE", // RFC 8437
  "ESEARCH", // RFC 4731
  "SEARCHRES", // RFC 5182
  "WITHIN", // RFC 5032
  "SEARCH=FUZZY", // RFC 6203
  "PARTIAL", // RFC 9394
  "MULTISEARCH", // RFC 7377
  "CONTEXT=SEARCH", // RFC 5267
  "CONTEXT=SORT",
  "ESORT",
  "SORT", // RFC 5256
  "SORT=DISPLAY", // RFC 5957
  "THREAD=ORDEREDSUBJECT",
  "THREAD=REFERENCES",
  "THREAD=REFS",
  "I18NLEVEL=1", // RFC 5255
  "FILTERS", // RFC 5466
  "UIDBATCHES", // RFC 10022
  "CONDSTORE", // RFC 7162
  "QRESYNC", // RFC 7162
  "INPROGRESS", // RFC 9585
  "NOTIFY", // RFC 5465
  "STATUS=SIZE", // RFC 8438
  "UIDONLY", // RFC 9586
  "MULTIAPPEND", // RFC 3502
  "CATENATE", // RFC 4469
  "BINARY", // RFC 3516
  "REPLACE", // RFC 8508
  "UTF8=ACCEPT", // RFC 6855
  "OBJECTID", // RFC 8474
  "SAVEDATE", // RFC 8514
  "PREVIEW", // RFC 8970
  "URLAUTH", // RFC 4467
  "URL-PARTIAL", // RFC 5550
] as const;

/** RFC 6785 §2.1: where ManageSieve is; without it nobody could store a script (§2.3.1). */
function sieveCapability({ hostname, managesieve }: Services["config"]): string | undefined {
  const [listener] = managesieve.listeners;
  if (listener === undefined) return undefined;
  const port = listener.port === 0 || listener.port === 4190 ? "" : `:${listener.port}`;
  return `IMAPSIEVE=sieve://${hostname}${port}`;
}

/** What helps before a login; the rest is told with its success (RFC 9051 §7.2.2). */
const beforeLogin: ReadonlySet<string> = new Set([
  "IMAP4rev1",
  "IMAP4rev2",
  "SASL-IR",
  "ID",
  "LANGUAGE",
]);

/** The capabilities as they are for this connection now, RFC 3501 §7.2.1. */
export function capabilityText(
  session: Pick<
    Session,
    | "state"
    | "connection"
    | "messageLimits"
    | "isLoginAllowed"
    | "mechanisms"
    | "switchedOff"
    | "services"
  >,
): string {
  const { state, connection, services } = session;
  const isNobody = state.name === "not-authenticated";
  const names: string[] = capabilities.filter((name) => !isNobody || beforeLogin.has(name));
  const sieve = sieveCapability(services.config);
  if (!isNobody && sieve !== undefined) names.push(sieve);
  // RFC 7888 §5: one of the two, never both.
  names.push(services.config.imap.literals === "plus" ? "LITERAL+" : "LITERAL-");
  // RFC 7889 §2: the same for all mailboxes.
  if (!isNobody) names.push(`APPENDLIMIT=${services.config.limits.messageBytesMax}`);
  if (!isNobody) {
    // RFC 9738 §3.
    const { perCommand, perAppend } = session.messageLimits;
    if (Number.isFinite(perCommand)) names.push(`MESSAGELIMIT=${perCommand}`);
    if (Number.isFinite(perAppend)) names.push(`SAVELIMIT=${perAppend}`);
  }
  if (isNobody) {
    if (!connection.isEncrypted) names.push("STARTTLS");
    if (session.isLoginAllowed) names.push(...session.mechanisms.map((name) => `AUTH=${name}`));
    else names.push("LOGINDISABLED");
  }
  return names
    .filter((name) => !session.switchedOff.has(name.replace(/=(?:\d+$|sieve:.*)/, "")))
    .filter((name) => name !== "COMPRESS=DEFLATE" || !connection.isCompressed)
    .join(" ");
}
