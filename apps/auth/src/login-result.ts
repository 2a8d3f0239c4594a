import type { Account, AuthenticateResult } from "@posthouse/accounts";

/** What a desk says of a login; the id of an app password stays in this process. */
export type DeskResult =
  | {
      readonly kind: "ok";
      readonly account: Account;
      readonly appPassword?: { readonly id: string; readonly name: string };
    }
  | Exclude<AuthenticateResult, { kind: "ok" }>;
