import type { AuthenticateResult, LoginProtocol } from "../auth-client.ts";

/** The hash of a SCRAM mechanism: SCRAM-SHA-256 (RFC 7677), SCRAM-SHA-1 (RFC 5802). */
export type ScramHash = "sha256" | "sha1";

/** Who asks to log in, and from where: for bans, failures and login history. */
interface LoginFrom {
  readonly protocol: LoginProtocol;
  /** The client's address. */
  readonly remoteAddress: string;
}

export interface ScramChallengeRequest extends LoginFrom {
  readonly username: string;
  readonly hash: ScramHash;
}

export type ScramChallenge =
  /** `salt` is base64. Somebody who is not there has them too, and always the same. */
  | { readonly kind: "challenge"; readonly salt: string; readonly iterations: number }
  | Extract<AuthenticateResult, { kind: "banned" }>;

export interface ScramProofRequest extends ScramChallengeRequest {
  /** AuthMessage of RFC 5802 §3. */
  readonly authMessage: string;
  /** ClientProof, base64. */
  readonly proof: string;
}

export type ScramResult =
  | (Extract<AuthenticateResult, { kind: "ok" }> & { readonly serverSignature: string })
  | Exclude<AuthenticateResult, { kind: "ok" }>;

export interface CertifiedLoginRequest extends LoginFrom {
  /** The mail addresses in a certificate that was verified by whoever asks. */
  readonly addresses: readonly string[];
  /** Whom of them the client means; empty for the first that is somebody's. */
  readonly username: string;
}

export interface TokenLoginRequest extends LoginFrom {
  /** What the client says whose token it is; empty when it leaves that to the token. */
  readonly username: string;
  readonly token: string;
}

/** The logins in which no password comes to the server. Keys and identity providers are auth's own. */
export interface SaslLogins {
  /** What a SCRAM client needs for its proof (RFC 5802 §3: salt, i). */
  scramChallenge(request: ScramChallengeRequest): Promise<ScramChallenge>;
  authenticateScram(request: ScramProofRequest): Promise<ScramResult>;
  authenticateCertified(request: CertifiedLoginRequest): Promise<AuthenticateResult>;
  authenticateToken(request: TokenLoginRequest): Promise<AuthenticateResult>;
}
