import type { Account } from "@posthouse/accounts";
import type { UserMail } from "./mailboxes/user-mail.ts";
import type { SelectedMailbox } from "./selected-mailbox.ts";

/**
 * The four states of an IMAP connection, RFC 3501 §3. What a state has, its type has: there is no user
 * before LOGIN and no mailbox before SELECT, so no command can forget to check.
 *
 *   not-authenticated ──LOGIN──▶ authenticated ──SELECT──▶ selected
 *           │                        │   ▲──CLOSE, UNSELECT──┘ │
 *           └───────LOGOUT───────────┴────────▶ logout ◀───────┘
 */
export interface States {
  "not-authenticated": { readonly name: "not-authenticated" };
  authenticated: { readonly name: "authenticated"; readonly user: User };
  selected: {
    readonly name: "selected";
    readonly user: User;
    readonly selected: SelectedMailbox;
  };
  logout: { readonly name: "logout" };
}

export type StateName = keyof States;
export type State = States[StateName];

/** Who has logged in, and their mail; disposed of when the connection ends. */
export interface User extends AsyncDisposable {
  readonly account: Account;
  readonly mail: UserMail;
}
