import type { Session } from "./session.ts";

/** One command of the protocol. */
export interface Command {
  readonly name: string;
  /** What must have happened before; without it the command is out of sequence (503). */
  readonly needs?: "hello" | "mail";
  /** A promise only where something has to be waited for. */
  run(session: Session, argument: string): Promise<void> | void;
}

export const defineCommand = (command: Command): Command => command;
