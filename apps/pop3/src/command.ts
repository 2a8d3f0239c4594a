import type { AuthenticateResult } from "@posthouse/accounts";
import type { WireConnection } from "@posthouse/wire";
import type { CommandLine } from "./command-line.ts";
import type { Services } from "./services.ts";
import type { State, StateName, States } from "./state.ts";

/** One POP3 command. `states` says where it is allowed, and so what `run` finds in its state. */
export interface Command<Name extends StateName = StateName> {
  /** In capitals. */
  readonly name: string;
  readonly states: readonly Name[];
  run(state: States[Name], args: CommandLine, session: Session): Completion | Promise<Completion>;
}

/** The text after +OK, and what comes with it. */
export interface Completion {
  readonly text: string;
  /** What the answer goes on with when it has many lines; stuffed and ended by the session. */
  readonly body?: AsyncIterable<Uint8Array>;
  /** Disposed of when the answer was sent, or could not be. */
  readonly resource?: AsyncDisposable;
  /** The state that the session is in from now on. */
  readonly state?: State;
  /** Runs when the answer is on its way. */
  readonly afterwards?: () => void | Promise<void>;
}

/** What a command finds around it. */
export interface Session {
  readonly services: Services;
  readonly connection: WireConnection;
  /** A password may be sent as things are: in TLS, or where the configuration allows. */
  readonly isLoginAllowed: boolean;
  /** What the greeting had for APOP; undefined where that is off. */
  readonly apopTimestamp: string | undefined;
  /** The client has said UTF8. */
  isUtf8: boolean;
  /** Wrong passwords so far. */
  failedLogins: number;
  /** From here on the session lasts no longer than this login. */
  watchLogin(result: AuthenticateResult): void;
}

/** Infers the states from the table entry, so that none has to be written twice. */
export const defineCommand = <const Name extends StateName>(command: Command<Name>): Command =>
  command;

/** RFC 1939 §4: before a login, with or without a user name. */
export const authorization = ["authorization", "named"] as const;
/** RFC 1939 §5. */
export const transaction = ["transaction"] as const;
