import type { Account, AuthenticateResult } from "@posthouse/accounts";
import { CommandFailure, Farewell } from "./command-failure.ts";

/** How many wrong passwords a connection has, and what they are called. */
export interface LoginRules<Code extends string> {
  /** apps/auth counts them by address too. */
  readonly failedLoginsMax: number;
  readonly wrong: Code | undefined;
  readonly banned: Code;
}

/** Whose session it is from now on. @throws CommandFailure, Farewell */
export function accountOf<Code extends string>(
  session: { failedLogins: number },
  result: AuthenticateResult,
  { failedLoginsMax, wrong, banned }: LoginRules<Code>,
): Account {
  switch (result.kind) {
    case "ok":
      return result.account;
    case "banned":
      throw new CommandFailure(
        `Too many failed logins from your address: try again in ${result.retryAfterSeconds} seconds`,
        { code: banned },
      );
    case "refused":
      session.failedLogins += 1;
      if (session.failedLogins >= failedLoginsMax) {
        throw new Farewell("Too many failed logins", { code: wrong });
      }
      throw new CommandFailure("Wrong user name or password", { code: wrong });
  }
}
