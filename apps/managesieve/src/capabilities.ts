import { saslMechanisms } from "@posthouse/accounts";
import { sieveExtensions, sieveLimits } from "@posthouse/sieve/check";
import type { Session } from "./command.ts";
import { formatString } from "./response.ts";
import type { State } from "./state.ts";

/** The lines of RFC 5804 §1.7; nothing is announced that would be refused now. */
export function capabilityLines(session: Session, state: State): readonly string[] {
  const { config } = session.services;
  const isLoggedIn = state.name === "authenticated";
  const lines: (readonly [name: string, value?: string])[] = [
    ["IMPLEMENTATION", "Posthouse"],
    // Empty only where STARTTLS is announced: it has to come first.
    ["SASL", session.isLoginAllowed ? mechanismNames(session).join(" ") : ""],
    ["SIEVE", [...sieveExtensions.keys()].join(" ")],
    // What `notify` can reach: web servers where the administrator named some.
    ["NOTIFY", config.sieve.notifyHosts.length > 0 ? "mailto https" : "mailto"],
    // RFC 6134 §2.9: kinds of names of lists.
    ["EXTLISTS", "urn tag"],
    ["MAXREDIRECTS", String(sieveLimits.redirectsMax)],
    ["VERSION", "1.0"],
    ["LANGUAGE", "en"],
    ["UNAUTHENTICATE"],
  ];
  if (!session.connection.isEncrypted && !isLoggedIn) lines.push(["STARTTLS"]);
  if (isLoggedIn) lines.push(["OWNER", state.account.address]);
  return lines.map(
    ([name, value]) => `"${name}"${value === undefined ? "" : ` ${formatString(value)}`}\r\n`,
  );
}

/** The mechanisms that can work on this connection. */
export function mechanismNames({ connection, services }: Session): readonly string[] {
  return saslMechanisms(connection, { hasScramSha1: services.config.auth.scramSha1 });
}
