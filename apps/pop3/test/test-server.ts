import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { type ApopLogins, type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import { type AccountMail, type MailStore, openMailStore } from "@posthouse/mailbox-store";
import { type RunningApp, TEST_TOML, testContext } from "@posthouse/service";
import { endingLogins } from "@posthouse/test-tools";
import { connectTo } from "@posthouse/transcript";
import { start } from "../src/app.ts";

export interface TestServer extends AsyncDisposable {
  /** End the logins that sessions rest on. */
  readonly ends: ReadonlySet<() => void>;
  readonly app: RunningApp;
  /** INBOX's account, for what another program does to it. */
  readonly mail: AccountMail;
  readonly directory: string;
  readonly mailDirectory: string;
  readonly eventsDirectory: string;
  flushEvents(): Promise<void>;
  connect(kind?: "pop3" | "pop3s"): Promise<Duplex>;
  port(kind: "pop3" | "pop3s"): number;
}

export const account = { id: "0123456789abcdef", address: "ann@example.org" };

/** A POP3 server on loopback over a real store, with these messages in ann's INBOX. */
export async function startTestServer(
  options: {
    readonly messages?: readonly (string | Uint8Array)[];
    /** Lines of [pop3]. */
    readonly pop3?: string;
    /** Fills the directory of mail before anybody opens it. */
    readonly prepare?: (mailDirectory: string) => Promise<void>;
    readonly isPlaintextAllowed?: boolean;
    /** Another configuration than TEST_TOML. */
    readonly toml?: string;
    /** A row of a crash table of the store, at which the process kills itself. */
    readonly crashAt?: string;
    /** Stands between the app and the store, for faults that a healthy disk does not have. */
    readonly wrapStore?: (store: MailStore) => MailStore;
  } = {},
): Promise<TestServer> {
  await using resources = new AsyncDisposableStack();
  const isPlaintextAllowed = options.isPlaintextAllowed ?? true;
  const { toml: given = TEST_TOML } = options;
  const wanted = given.replace("[pop3]", `[pop3]\n${options.pop3 ?? ""}`);
  const toml = isPlaintextAllowed ? wanted : wanted.replace('"loopback"', '"nobody"');
  const context = resources.use(await testContext(toml));
  const { config } = context;
  await options.prepare?.(config.paths.mail);
  const store = resources.use(
    await openMailStore({
      mailDirectory: config.paths.mail,
      messageBytesMax: config.limits.messageBytesMax,
      host: config.hostname,
      ...(options.crashAt && { crashAt: options.crashAt }),
    }),
  );
  const mail = resources.use(await store.openAccount(account));
  for (const message of options.messages ?? []) {
    await mail.append("INBOX", [{ octets: [Buffer.from(message)] }]);
  }
  const ends = new Set<() => void>();
  const app = await start(context, {
    auth: endingLogins(testAuth, ends),
    store: options.wrapStore?.(store) ?? store,
  });
  resources.defer(() => app.close());
  const port = (kind: "pop3" | "pop3s") =>
    app.addresses.find(({ name }) => name === kind)?.port ?? 0;
  const owned = resources.move();
  return {
    app,
    ends,
    mail,
    port,
    directory: context.directory,
    mailDirectory: config.paths.mail,
    eventsDirectory: config.paths.events,
    flushEvents: () => context.events.flush(),
    async connect(kind = "pop3") {
      const socket = await connectTo({ port: port(kind) });
      if (kind === "pop3") return socket;
      const secure = connectTls({ socket, rejectUnauthorized: false });
      await once(secure, "secureConnect");
      return secure;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** `ann` with `secret` or `two words`; two names for which auth is not as it should be. */
const testAuth: AuthClient & ApopLogins = {
  async authenticate({ username, password }) {
    if (username === "auth-is-down") throw new AuthUnavailable("no answer");
    if (username === "banned") return { kind: "banned", retryAfterSeconds: 300 };
    const isRight =
      ["ann", "mrose"].includes(username) && ["secret", "two  words "].includes(password);
    return isRight ? { kind: "ok", account } : { kind: "refused" };
  },
  async authenticateApop({ username, timestamp, digest }) {
    const expected = createHash("md5").update(`${timestamp}tanstaaf`).digest("hex");
    const isRight = username === "mrose" && digest === expected;
    return isRight ? { kind: "ok", account } : { kind: "refused" };
  },
  scramChallenge: () => Promise.reject(new AuthUnavailable("not asked by this test")),
  authenticateScram: () => Promise.reject(new AuthUnavailable("not asked by this test")),
  authenticateCertified: () => Promise.reject(new AuthUnavailable("not asked by this test")),
  authenticateToken: () => Promise.reject(new AuthUnavailable("not asked by this test")),
  resolveRecipient: () => Promise.reject(new AuthUnavailable("not asked by POP3")),
  findAccount: () => Promise.reject(new AuthUnavailable("not asked by POP3")),
  maySendAs: () => Promise.reject(new AuthUnavailable("not asked by POP3")),
  async [Symbol.asyncDispose]() {},
};
