import type { Account } from "@posthouse/accounts";
import type { AccountScripts } from "@posthouse/mailbox-store";

/**
 * The states of a ManageSieve session, RFC 5804 §2. What a state has, its type has: there are no
 * scripts before a login.
 *
 *   not-authenticated ──AUTHENTICATE──▶ authenticated ──LOGOUT──▶ closed
 *     │   ▲                                  │
 *     │   └──────────UNAUTHENTICATE──────────┘
 *     └──LOGOUT──▶ closed
 */
export interface States {
  "not-authenticated": { readonly name: "not-authenticated" };
  authenticated: {
    readonly name: "authenticated";
    readonly account: Account;
    readonly scripts: AccountScripts;
    /** Its place among the sessions of this account. */
    readonly slot: Disposable;
  };
  closed: { readonly name: "closed" };
}

export type StateName = keyof States;
export type State = States[StateName];
