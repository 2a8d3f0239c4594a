import type { CertifiedLoginRequest, TokenLoginRequest } from "@posthouse/accounts";
import type { Directory } from "@posthouse/accounts/directory";
import type { Failures } from "./failures.ts";
import type { DeskResult } from "./login-result.ts";
import { networkOf } from "./network.ts";

/** Whose a token is: asked of an identity provider. */
export interface TokenValidator {
  /** The login that the token speaks for, or undefined when it speaks for nobody. @throws AuthUnavailable */
  loginOf(token: string): Promise<string | undefined>;
}

/** Logins that somebody else has vouched for: a certificate authority, an identity provider. */
export class TrustedLogins {
  readonly #directory: Directory;
  readonly #failures: Failures;
  readonly #tokens: TokenValidator | undefined;

  constructor(parts: {
    readonly directory: Directory;
    readonly failures: Failures;
    readonly tokens?: TokenValidator | undefined;
  }) {
    this.#directory = parts.directory;
    this.#failures = parts.failures;
    this.#tokens = parts.tokens;
  }

  /**
   * The account of one of the certified addresses. Only an account's own address counts: an alias may be
   * changed to lead elsewhere long after the certificate was made.
   */
  byCertificate({ addresses, username }: CertifiedLoginRequest): DeskResult {
    const accounts = addresses
      .map((address) => this.#directory.findAccount(address))
      .filter((account) => account !== undefined)
      .filter(({ id }) => this.#directory.mayLogIn(id));
    const account =
      username === ""
        ? accounts[0]
        : accounts.find(({ id }) => id === this.#directory.findLogin(username)?.id);
    return account === undefined
      ? { kind: "refused" }
      : { kind: "ok", account, proof: "certificate" };
  }

  /** A token is as good as its issuer says; guesses count as wrong passwords do. */
  async byToken(request: TokenLoginRequest): Promise<DeskResult> {
    const { token, username, remoteAddress } = request;
    const network = networkOf(remoteAddress);
    const subject = this.#directory.findLogin(username)?.id ?? `?${username.toLowerCase()}`;
    const waitMs = this.#failures.bannedForMs(network, subject);
    if (waitMs > 0) return { kind: "banned", retryAfterSeconds: Math.ceil(waitMs / 1000) };
    const login = await this.#tokens?.loginOf(token);
    const account = login === undefined ? undefined : this.#directory.findLogin(login);
    const isMeant = username === "" || this.#directory.findLogin(username)?.id === account?.id;
    if (account !== undefined && isMeant) return { kind: "ok", account, proof: "token" };
    this.#failures.failed(network, subject, token.slice(-64));
    return { kind: "refused" };
  }
}
