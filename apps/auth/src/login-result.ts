import type { Account, AuthenticateResult } from "@posthouse/accounts";

/** What a desk says of a login; the id of an app password stays in this process. */
export type DeskResult =
  | {
      readonly kind: "ok";
      readonly account: Account;
      readonly appPassword?: { readonly id: string; readonly name: string };
      /** What proved it, as OpenLogins knows it again. */
      readonly proof: string;
    }
  | Exclude<AuthenticateResult, { kind: "ok" }>;
