import { once } from "node:events";
import type { Server } from "node:net";
import type { SecureContext } from "node:tls";
import { ConnectionCount } from "./connection-count.ts";
import type { SmtpExtensions } from "./extensions.ts";
import type { Flavour, SmtpHandler, SmtpPeer } from "./handler.ts";
import { LibraryServer } from "./library-server.ts";
import { serverLimits } from "./limits.ts";
import type { LineEndPolicy } from "./line-ends.ts";

export interface SmtpServerOptions {
  readonly flavour: Flavour;
  /** Our name: in the greeting and in the reply to EHLO. */
  readonly hostname: string;
  readonly handler: SmtpHandler;
  /** SIZE of RFC 1870, enforced while the message streams in. */
  readonly messageBytesMax: number;
  /** What becomes of a CR or LF that is not part of CRLF. */
  readonly lineEnds: LineEndPolicy;
  readonly recipientsMax: number;
  /** Absent: no TLS at all. The context is asked for at each handshake. */
  readonly tls?: {
    readonly mode: "starttls" | "implicit";
    readonly identity: { context(serverName?: string): SecureContext };
    /** Asks for one, and does not demand it: for AUTH EXTERNAL. */
    readonly wantsClientCertificate?: boolean;
  };
  /** MAIL only after AUTH: submission (RFC 6409 §4.3). */
  readonly isAuthRequired?: (peer: SmtpPeer) => boolean;
  readonly isPlaintextAuthAllowedFromLoopback?: boolean;
  /** RFC 3461: only where notifications are made of what becomes of a message. */
  readonly isDsnOffered?: boolean;
  /** RFC 3030 §3: only where binary octets survive everything that comes after. */
  readonly isBinaryMimeOffered?: boolean;
  readonly extensions?: SmtpExtensions;
  /** Who may say for whom it speaks, by XCLIENT and XFORWARD: by the connection's own address. */
  readonly mayNameClients?: (address: string) => boolean;
  /** Parameters that only our own programs use, on a socket that only they reach. */
  readonly privateExtension?: {
    readonly keyword: string;
    readonly mailParameters: ReadonlySet<string>;
    readonly rcptParameters: ReadonlySet<string>;
  };
  /** Those who speak before a greeting that comes so late are turned away. */
  readonly greetingDelayMs?: number;
  /** How long a client may be silent; serverLimits.idleMs when absent. */
  readonly idleMs?: number;
  /** The same where most places are taken; serverLimits.crowdedIdleMs when absent. */
  readonly crowdedIdleMs?: number;
  /** How long a session may go on without a message; serverLimits.unproductiveMs when absent. */
  readonly unproductiveMs?: number;
  /** From when on a message has to come at a rate; serverLimits.slowMessageMs when absent. */
  readonly slowMessageMs?: number;
  /** Shared by the listeners of one process. */
  readonly connections?: ConnectionCount;
  /** Errors that nobody foresaw; the client was told 451. */
  readonly onError?: (error: unknown) => void;
}

export interface SmtpServer {
  /** For listen(). */
  readonly netServer: Server;
  /** Stops accepting, says 421 to those who are idle, lets messages under way end until then, and says it to the rest. */
  close(withinMs: number): Promise<void>;
}

/** An SMTP or LMTP server. What it does with mail is its handler's; it listens when you say so. */
export function createSmtpServer(options: SmtpServerOptions): SmtpServer {
  const library = new LibraryServer(options, options.connections ?? new ConnectionCount());
  return {
    netServer: library.server,
    close: (withinMs) => close(library, withinMs),
  };
}

async function close(library: LibraryServer, withinMs: number): Promise<void> {
  const { server } = library;
  const isListening = server.listening;
  const closed = isListening ? once(server, "close") : Promise.resolve();
  if (isListening) server.close();
  library.shutDownSessions();
  const late = setTimeout(() => library.hangUpSessions(), withinMs);
  const tooLate = setTimeout(
    () => library.destroySessions(),
    withinMs === 0 ? 0 : withinMs + serverLimits.farewellMs,
  );
  await Promise.all([closed, library.sessionsEnded()]);
  clearTimeout(late);
  clearTimeout(tooLate);
}
