import type { Maildrop } from "./maildrop.ts";

/**
 * The states of a POP3 session, RFC 1939 §3. What a state has, its type has: there is no maildrop
 * before a login, and no PASS before USER.
 *
 *   authorization ──USER──▶ named ──PASS──▶ transaction ──QUIT──▶ closed
 *     │    ▲ ▲                │                 ▲    (UPDATE: what DELE marked is removed)
 *     │    │ └──wrong, STLS───┘                 │
 *     │    └────wrong────────AUTH───────────────┘
 *     └──QUIT──▶ closed
 *
 * UPDATE is not a state of its own here: it begins and ends within QUIT, and no command runs in it.
 */
export interface States {
  authorization: { readonly name: "authorization" };
  /** Still AUTHORIZATION for the client: a user name was given, and PASS may follow. */
  named: { readonly name: "named"; readonly username: string };
  transaction: { readonly name: "transaction"; readonly maildrop: Maildrop };
  closed: { readonly name: "closed" };
}

export type StateName = keyof States;
export type State = States[StateName];
