import type { Session } from "./command.ts";

/** What this server can do in any state; a name is here when all of it works. */
const capabilities = [
  "IMAP4rev1",
  "LITERAL+", // RFC 7888
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
] as const;

/** The capabilities as they are for this connection now, RFC 3501 §7.2.1. */
export function capabilityText(
  session: Pick<Session, "state" | "connection" | "isLoginAllowed">,
): string {
  const names: string[] = [...capabilities];
  if (session.state.name === "not-authenticated") {
    if (!session.connection.isEncrypted) names.push("STARTTLS");
    if (session.isLoginAllowed) names.push("AUTH=PLAIN", "AUTH=LOGIN");
    else names.push("LOGINDISABLED");
  }
  return names.join(" ");
}
