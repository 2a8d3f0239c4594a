import { ImapFlow, type ListResponse } from "imapflow";
import { CommandFailure, usageFailure } from "../command-failure.ts";

/** Where mail is fetched from: `imaps://ann@old.example.net` or `imap://…:1143`. */
export interface ImapSource {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly user: string;
}

/** @throws CommandFailure */
export function parseImapSource(text: string): ImapSource {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "" || url.username === "") {
    throw usageFailure(
      `"${text}" does not say where and as whom: write it as imaps://ann%40old.example.net@imap.old.example.net`,
    );
  }
  if (url.password !== "") {
    throw usageFailure(
      "A password in an address is seen by everybody on this machine: leave it out, it is asked for",
    );
  }
  const isTls = url.protocol === "imaps:";
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (isTls ? 993 : 143) : Number(url.port),
    isTls,
    user: decodeURIComponent(url.username),
  };
}

/** Logged in. Without TLS only on this machine: the password would go over the network as it is. */
export async function connectImap(source: ImapSource, password: string): Promise<ImapFlow> {
  const { host, port, isTls, user } = source;
  const isHere = /^(?:localhost|127(?:\.\d+){3}|::1)$/.test(host);
  const client = new ImapFlow({
    host,
    port,
    secure: isTls,
    ...(!isTls && !isHere && { doSTARTTLS: true }),
    ...(isHere && { tls: { rejectUnauthorized: false } }),
    auth: { user, pass: password },
    logger: false,
    disableAutoIdle: true,
  });
  // What breaks a connection is also what breaks the command that waits for it.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (cause) {
    throw new CommandFailure(`Cannot log in at ${host}:${port}: ${reasonOf(cause)}`, { cause });
  }
}

/** What the server said, else what the socket did. */
export function reasonOf(error: unknown): string {
  const { responseText, message } = error as {
    readonly responseText?: string;
    readonly message?: string;
  };
  return responseText ?? message ?? String(error);
}

/** One mailbox of theirs, and what it is called here. */
export interface SourceMailbox {
  readonly path: string;
  readonly name: string;
}

/** Where the other side has it under another name, and it is ours for the same. */
const ourNames: Readonly<Record<string, string>> = {
  "\\Archive": "Archive",
  "\\Drafts": "Drafts",
  "\\Junk": "Junk",
  "\\Sent": "Sent",
  "\\Trash": "Trash",
};
/** Views of what is elsewhere too: Gmail's "All Mail", "Starred", "Important". */
const views = new Set(["\\All", "\\Flagged", "\\Important"]);

/** Every mailbox that holds messages of its own. */
export async function mailboxesOf(client: ImapFlow): Promise<readonly SourceMailbox[]> {
  const listed = await client.list();
  return listed
    .filter(({ flags }) => !flags.has("\\Noselect") && !flags.has("\\NonExistent"))
    .filter((one) => one.specialUse === undefined || !views.has(one.specialUse))
    .map((one) => ({ path: one.path, name: nameHere(one) }));
}

function nameHere({ path, delimiter, specialUse }: ListResponse): string {
  const levels = delimiter === "" ? [path] : path.split(delimiter);
  // `INBOX.Archive` of servers that have all below INBOX, and the `[Gmail]/` of Gmail.
  const isPrefixed =
    levels.length > 1 && /^(?:INBOX|\[Gmail\]|\[Google Mail\])$/i.test(levels[0] ?? "");
  const own = isPrefixed ? levels.slice(1) : levels;
  const ours = specialUse === undefined ? undefined : ourNames[specialUse];
  if (ours !== undefined && own.length === 1) return ours;
  if (own.length === 1 && own[0]?.toUpperCase() === "INBOX") return "INBOX";
  return own.join("/");
}
