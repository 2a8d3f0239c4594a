import type { AuthenticateResult } from "@posthouse/accounts";
import type { WireConnection } from "@posthouse/wire";
import type { CommandReader } from "./command-reader.ts";
import type { ResponseCode } from "./response.ts";
import type { Services } from "./services.ts";
import type { State, StateName, States } from "./state.ts";

/** One ManageSieve command. `states` says where it is allowed, and so what `run` finds in its state. */
export interface Command<Name extends StateName = StateName> {
  /** In capitals. */
  readonly name: string;
  readonly states: readonly Name[];
  run(state: States[Name], args: CommandReader, session: Session): Completion | Promise<Completion>;
}

/** The text after OK, and what comes with it. */
export interface Completion {
  readonly text: string;
  readonly code?: ResponseCode | undefined;
  /** What stands before the OK, line ends and all. */
  readonly data?: readonly (string | Uint8Array)[];
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
  /** Wrong passwords so far. */
  failedLogins: number;
  /** From here on the session lasts no longer than this login. */
  watchLogin(result: AuthenticateResult): void;
}

/** Infers the states from the table entry, so that none has to be written twice. */
export const defineCommand = <const Name extends StateName>(command: Command<Name>): Command =>
  command;

/** RFC 5804 §4, command-any. */
export const anyState = ["not-authenticated", "authenticated"] as const;
/** RFC 5804 §4, command-nonauth. */
export const notAuthenticated = ["not-authenticated"] as const;
/** RFC 5804 §4, command-auth. */
export const authenticated = ["authenticated"] as const;
