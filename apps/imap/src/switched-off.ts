import type { Config } from "@posthouse/service";

/** What cannot be switched off: without it nothing is left that a client could speak. */
const NEEDED = "IMAP4REV1";

/** The capabilities that one connection goes without, because its client breaks on them. */
export interface SwitchedOff {
  /** In any case of letters. */
  has(capability: string): boolean;
}

/** Whom a rule is looked up for: what is known of a connection by now. */
export interface Known {
  readonly account: string | undefined;
  /** The `name` of its ID command. */
  readonly client: string | undefined;
}

/**
 * `imap.disabled_capabilities`, those of the listener, and those of every `[[imap.exceptions]]` that names
 * this account, this client or both. A client counts as meant when its ID's name begins as the rule's
 * does, since many put their version into it.
 */
export function switchedOffFor(
  imap: Config["imap"],
  listener: Pick<Config["imap"]["listeners"][number], "disabledCapabilities">,
  known: Known,
): SwitchedOff {
  const names = new Set(
    [
      ...imap.disabledCapabilities,
      ...listener.disabledCapabilities,
      ...imap.exceptions
        .filter((one) => isMeant(one, known))
        .flatMap((one) => one.disabledCapabilities),
    ].map((name) => name.toUpperCase()),
  );
  names.delete(NEEDED);
  return { has: (capability) => names.has(capability.toUpperCase()) };
}

function isMeant(
  exception: Config["imap"]["exceptions"][number],
  { account, client }: Known,
): boolean {
  const isAccount = exception.account === undefined || isSame(exception.account, account);
  return isAccount && (exception.client === undefined || startsAs(client, exception.client));
}

const isSame = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();

const startsAs = (text: string | undefined, start: string): boolean =>
  text?.toLowerCase().startsWith(start.toLowerCase()) ?? false;
