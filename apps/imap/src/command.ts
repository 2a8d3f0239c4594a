import type { WireConnection } from "@posthouse/wire";
import type { Enabled, EnableName } from "./enabled.ts";
import type { IncomingCommand, TakesLiteral } from "./incoming-command.ts";
import type { Language } from "./language/languages.ts";
import type { MessageLimits } from "./message-limit.ts";
import type { OwnChange, OwnMessages } from "./notify/own-changes.ts";
import type { CommandFailure, Farewell, ResponseCode } from "./response.ts";
import type { ResponseWriter } from "./response-writer.ts";
import type { ChangedFlags } from "./script-events.ts";
import type { Services } from "./services.ts";
import type { State, StateName, States } from "./state.ts";
import type { SwitchedOff } from "./switched-off.ts";
import type { CommandReader } from "./syntax/command-reader.ts";
import type { NotifyRequest } from "./syntax/notify-arguments.ts";

/** One IMAP command. `states` says where it is allowed, and so what `run` finds in its state. */
export interface Command<Name extends StateName = StateName> {
  /** In capitals; `UID FETCH` is a name of its own. */
  readonly name: string;
  readonly states: readonly Name[];
  /**
   * Whether the client may hear of an expunge in the answer. Never where the command or the answer
   * counts messages by sequence number: it would renumber under the client (RFC 3501 §7.4.1).
   */
  readonly expunges: "hold" | "tell";
  /** The mailbox is looked at again after the command, so that what it did is told with its own OK. */
  readonly isChange?: true;
  /** The mailbox is not looked at before: what follows is of another one, and the client could not tell. */
  readonly isLeaving?: true;
  /** Where this is switched off, there is no such command. */
  readonly capability?: string;
  /** It speaks of sequence numbers, which UIDONLY forbids (RFC 9586). */
  readonly countsMessages?: true;
  /** It waits for the client, who knows that it takes its time. */
  readonly waitsForClient?: true;
  /** Says which literal run() reads itself, because it does not fit into memory: APPEND's message. */
  readonly takesLiteral?: TakesLiteral;
  /** What is said of a literal in its arguments that is too large, where that is not BAD (RFC 5464 §4.3). */
  readonly refuseLiteral?: () => CommandFailure;
  run(state: States[Name], args: CommandReader, session: Session): Completion | Promise<Completion>;
}

/** The text after OK, and the state that the connection is in from now on. */
export interface Completion {
  readonly text: string;
  readonly code?: ResponseCode;
  /** The code where it says how things are when all is told, or in the new state. */
  readonly codeThen?: (session: Session) => ResponseCode | undefined;
  readonly state?: State;
  /** Runs when the OK is on its way: STARTTLS. */
  readonly afterwards?: () => Promise<void>;
}

/** What a command finds around it. */
export interface Session {
  readonly services: Services;
  readonly connection: WireConnection;
  readonly output: ResponseWriter;
  /** The command that is running, for APPEND, which reads its literal itself. */
  readonly incoming: IncomingCommand;
  readonly state: State;
  /** A password may be sent as things are: in TLS, or where the configuration allows. */
  readonly isLoginAllowed: boolean;
  /** SASL mechanisms that can work on this connection, in capitals. */
  readonly mechanisms: readonly string[];
  /** What was switched off for this listener, account or client. */
  readonly switchedOff: SwitchedOff;
  /** How many messages one command may be about. */
  readonly messageLimits: MessageLimits;
  /** The listener asks for a certificate. */
  readonly wantsClientCertificate: boolean;
  /** What the human-readable texts are in (RFC 5255). */
  language: Language;
  /** The `name` of the client's ID (RFC 2971). */
  clientName: string | undefined;
  /** A human-readable text in the session's language. */
  inLanguage(text: string): string;
  /** What the client has switched on. */
  readonly enabled: Enabled;
  /** As ENABLE; false when it was on already. */
  enable(name: EnableName): boolean;
  /** Tells which annotations change, as ENABLE asked (RFC 5464 §4.1). */
  watchMetadata(): Promise<void>;
  /** The client itself changed annotations of a mailbox, or of the server. */
  noteMetadata(mailboxName: string | undefined): Promise<void>;
  /** The client itself made, deleted, renamed or subscribed a mailbox. */
  noteOwn(change: OwnChange): Promise<void>;
  /** The client itself put messages there: by what, as scripts call it (RFC 6785 §4.3). */
  noteOwnMessages(mailboxName: string, own: OwnMessages, cause: "APPEND" | "COPY"): Promise<void>;
  /** The client itself changed flags in the selected mailbox. */
  noteFlags(changed: () => ChangedFlags): Promise<void>;
  /** Watches what NOTIFY asks for, in place of what was watched before; undefined: nothing. */
  notify(request: NotifyRequest | undefined): Promise<void>;
  /** Tells what is new outside the answer to a command: in IDLE, and where NOTIFY asks for it. */
  push(options: { readonly isIdle: boolean }): Promise<void>;
  /** Wrong passwords so far. */
  failedLogins: number;
  /** Leaves the selected mailbox, for commands that do so also when they fail (RFC 3501 §6.3.1). */
  deselect(): Promise<void>;
  /** Wakes `listener` when the session has to end soon: IDLE listens. */
  onClosing(listener: () => void): Disposable;
  /** What is said then. */
  readonly farewell: Farewell;
  /** As close(), because the login counts no longer. */
  endLogin(): void;
}

/** Infers the states from the table entry, so that none has to be written twice. */
export const defineCommand = <const Name extends StateName>(command: Command<Name>): Command =>
  command;

/** For commands that are allowed everywhere. */
export const anyState = ["not-authenticated", "authenticated", "selected"] as const;
/** For commands that need a login. */
export const loggedIn = ["authenticated", "selected"] as const;
