import { once } from "node:events";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { type ApopLogins, type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import { type AccountScripts, openMailStore, openScriptStore } from "@posthouse/mailbox-store";
import { type RunningApp, TEST_TOML, testContext } from "@posthouse/service";
import { endingLogins } from "@posthouse/test-tools";
import { connectTo } from "@posthouse/transcript";
import { start } from "../src/app.ts";

export interface TestServer extends AsyncDisposable {
  /** End the logins that sessions rest on. */
  readonly ends: ReadonlySet<() => void>;
  readonly app: RunningApp;
  /** Those of ann. */
  readonly scripts: AccountScripts;
  readonly port: number;
  connect(): Promise<Duplex>;
}

export const account = { id: "0123456789abcdef", address: "ann@example.org" };

/** A ManageSieve server on loopback over a real store. */
export async function startTestServer(
  options: {
    readonly isPlaintextAllowed?: boolean;
    /** Without it the account is one that nobody has used. */
    readonly scripts?: Readonly<Record<string, string>>;
    readonly active?: string;
    readonly isImplicitTls?: boolean;
  } = {},
): Promise<TestServer> {
  await using resources = new AsyncDisposableStack();
  const isPlaintextAllowed = options.isPlaintextAllowed ?? true;
  const plain = isPlaintextAllowed ? TEST_TOML : TEST_TOML.replace('"loopback"', '"nobody"');
  const isImplicitTls = options.isImplicitTls ?? false;
  const toml = isImplicitTls
    ? plain.replace(/(\[managesieve\][^[]*)\[\{ tls = "starttls"/, '$1[{ tls = "implicit"')
    : plain;
  const context = resources.use(await testContext(toml));
  const { config } = context;
  const mailDirectory = config.paths.mail;
  const { messageBytesMax } = config.limits;
  const store = resources.use(
    await openMailStore({ mailDirectory, messageBytesMax, host: config.hostname }),
  );
  const scripts = openScriptStore({ mailDirectory }).of(account);
  if (options.scripts !== undefined) {
    await using mail = await store.openAccount(account);
    await mail.listMailboxes();
    for (const [name, text] of Object.entries(options.scripts)) {
      await scripts.put(name, Buffer.from(text));
    }
    await scripts.activate(options.active);
  }
  const ends = new Set<() => void>();
  const app = await start(context, { auth: endingLogins(testAuth, ends), store });
  resources.defer(() => app.close());
  const port = app.addresses[0]?.port ?? 0;
  const owned = resources.move();
  return {
    app,
    ends,
    scripts,
    port,
    async connect() {
      const socket = await connectTo({ port });
      if (!isImplicitTls) return socket;
      const secure = connectTls({ socket, rejectUnauthorized: false });
      await once(secure, "secureConnect");
      return secure;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** `ann` with `secret`; two names for which auth is not as it should be. */
const testAuth: AuthClient & ApopLogins = {
  async authenticate({ username, password, protocol }) {
    if (username === "auth-is-down") throw new AuthUnavailable("no answer");
    if (username === "banned") return { kind: "banned", retryAfterSeconds: 300 };
    const isRight = username === "ann" && password === "secret" && protocol === "managesieve";
    return isRight ? { kind: "ok", account } : { kind: "refused" };
  },
  /** Any user name, and no proof is looked at: how proofs are checked is tested in apps/auth. */
  scramChallenge: async () => ({ kind: "challenge", salt: "c2FsdA==", iterations: 4096 }),
  authenticateScram: async ({ username }) =>
    username === "ann" ? { kind: "ok", account, serverSignature: "c2lnbmVk" } : { kind: "refused" },
  authenticateApop: () => Promise.reject(new AuthUnavailable("not asked by ManageSieve")),
  authenticateCertified: () => Promise.reject(new AuthUnavailable("not asked by this test")),
  authenticateToken: () => Promise.reject(new AuthUnavailable("not asked by this test")),
  resolveRecipient: () => Promise.reject(new AuthUnavailable("not asked by ManageSieve")),
  findAccount: () => Promise.reject(new AuthUnavailable("not asked by ManageSieve")),
  maySendAs: () => Promise.reject(new AuthUnavailable("not asked by ManageSieve")),
  async [Symbol.asyncDispose]() {},
};
