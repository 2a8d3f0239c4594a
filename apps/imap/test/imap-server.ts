import type { Socket } from "node:net";
import type {
  Account,
  AuthClient,
  AuthenticateRequest,
  CertifiedLoginRequest,
  ScramChallenge,
  ScramChallengeRequest,
  ScramProofRequest,
  ScramResult,
  TokenLoginRequest,
} from "@posthouse/accounts";
import { AuthUnavailable } from "@posthouse/accounts";
import { checkScramProof, makeScramKeys } from "@posthouse/accounts/directory";
import { type AppContext, type RunningApp, testContext } from "@posthouse/service";
import { connectTo } from "@posthouse/transcript";
import { start } from "../src/app.ts";
import type { MessageLimits } from "../src/message-limit.ts";

/** The app as it runs, over a store in a temporary directory; only apps/auth is played by TestAuth. */
export interface ImapServer extends AsyncDisposable {
  readonly app: RunningApp;
  readonly context: AppContext;
  readonly auth: TestAuth;
  readonly port: number;
  readonly tlsPort: number;
  connect(): Promise<Socket>;
}

export interface ImapServerOptions {
  /** The configuration file; testContext()'s when absent. */
  readonly toml?: string;
  readonly account?: Partial<Account>;
  readonly takesTokens?: boolean;
  readonly messageLimits?: MessageLimits;
}

/** Starts the app on ports of its own. */
export async function startImapServer(options: ImapServerOptions = {}): Promise<ImapServer> {
  const context = await testContext(options.toml);
  const auth = new TestAuth(options.account);
  const { messageLimits, takesTokens = false } = options;
  const app = await start(context, {
    auth,
    takesTokens,
    ...(messageLimits !== undefined && { messageLimits }),
  });
  const portOf = (name: string) => app.addresses.find((one) => one.name === name)?.port ?? 0;
  return {
    app,
    context,
    auth,
    port: portOf("imap"),
    tlsPort: portOf("imaps"),
    connect: () => connectTo({ port: portOf("imap") }),
    async [Symbol.asyncDispose]() {
      await app.close();
      await context[Symbol.asyncDispose]();
    },
  };
}

/** Everybody's password is "secret"; 4096 rounds, since nobody is to be kept out. */
const scramKeys = {
  sha256: makeScramKeys(Buffer.from("secret"), { iterations: 4096 }),
  sha1: makeScramKeys(Buffer.from("secret"), { iterations: 4096, hash: "sha1" }),
};

const addressed: ReadonlySet<string> = new Set(["ann", "bob", "chris", "fred", "john", "smith"]);

const accountOf = (name: string): Account => ({
  id: name.padEnd(16, "0"),
  address: `${name}@example.org`,
});

/**
 * What apps/auth answers, without its process: `ann` and `bob` with the password `secret`, `down` for an
 * auth that does not answer, `banned` for an address with too many failures.
 */
export class TestAuth implements AuthClient {
  /** Ends the logins that sessions rest on. */
  readonly ends = new Set<() => void>();
  readonly #account: Partial<Account>;

  constructor(account: Partial<Account> = {}) {
    this.#account = account;
  }

  async authenticate({ username, password }: AuthenticateRequest) {
    const name = username.replace(/@example\.org$/i, "").toLowerCase();
    if (name === "down") throw new AuthUnavailable("There is no apps/auth here");
    if (name === "banned") return { kind: "banned", retryAfterSeconds: 60 } as const;
    if ((name !== "ann" && name !== "bob") || password !== "secret") {
      return { kind: "refused" } as const;
    }
    const onEnd = (end: () => void): Disposable => {
      this.ends.add(end);
      return { [Symbol.dispose]: () => void this.ends.delete(end) };
    };
    return { kind: "ok", account: { ...accountOf(name), ...this.#account }, onEnd } as const;
  }

  async scramChallenge({ username, hash }: ScramChallengeRequest): Promise<ScramChallenge> {
    if (username === "banned") return { kind: "banned", retryAfterSeconds: 60 };
    const { salt, iterations } = await scramKeys[hash];
    return { kind: "challenge", salt: salt.toString("base64"), iterations };
  }

  async authenticateScram(request: ScramProofRequest): Promise<ScramResult> {
    const { hash, authMessage } = request;
    const proof = Buffer.from(request.proof, "base64");
    const signature = checkScramProof(await scramKeys[hash], { hash, authMessage, proof });
    const result = await this.authenticate({ ...request, password: "secret" });
    if (signature === undefined || result.kind !== "ok") return { kind: "refused" };
    return { ...result, serverSignature: signature.toString("base64") };
  }

  async authenticateCertified({ addresses, ...request }: CertifiedLoginRequest) {
    const [username = ""] = addresses;
    return await this.authenticate({ ...request, username, password: "secret" });
  }

  async authenticateToken(request: TokenLoginRequest) {
    const isRight = request.token === "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    return await this.authenticate({ ...request, password: isRight ? "secret" : "" });
  }

  resolveRecipient(): never {
    throw new Error("imap asks for no recipients");
  }

  /** Also of people who never log in here. */
  async findAccount(address: string): Promise<Account | undefined> {
    const [name = "", domain] = address.split("@");
    const isKnown = domain === "example.org" && addressed.has(name);
    return isKnown ? { ...accountOf(name), ...this.#account } : undefined;
  }

  maySendAs(): never {
    throw new Error("imap asks for no senders");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
