import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import { type EventRecord, type TestContext, testContext } from "@posthouse/service";
import { start } from "../src/app.ts";
import { TestDirectory } from "./test-directory.ts";

export interface TestApp extends AsyncDisposable {
  readonly context: TestContext;
  readonly directory: TestDirectory;
  readonly store: MailStore;
  readonly events: readonly EventRecord[];
  /** Of the listener for foreign MTAs. */
  readonly port: number;
  readonly socketPath: string;
  /** Every message in the INBOX of ann, bob, small or ten. */
  inboxOf(name: string): Promise<string[]>;
}

/** lmtp-delivery over a real store and a directory of the tests. */
export async function testApp(toml?: string): Promise<TestApp> {
  const context = await testContext(toml);
  const { config } = context;
  const directory = new TestDirectory();
  const store = await openMailStore({
    mailDirectory: config.paths.mail,
    messageBytesMax: config.limits.messageBytesMax,
    host: config.hostname,
  });
  const events: EventRecord[] = [];
  const trail = { ...context.events, record: (event: EventRecord) => void events.push(event) };
  const app = await start({ ...context, events: trail }, { auth: directory, store });
  return {
    context,
    directory,
    store,
    events,
    port: app.addresses.find(({ port }) => port !== undefined)?.port ?? 0,
    socketPath: config.lmtp.socketPath,
    async inboxOf(name) {
      const account = await directory.findAccount(`${name}@example.test`);
      if (account === undefined) throw new Error(`There is no account ${name}`);
      return await messagesOf(store, account);
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await store[Symbol.asyncDispose]();
      await context[Symbol.asyncDispose]();
    },
  };
}

export async function messagesOf(
  store: MailStore,
  account: Parameters<MailStore["openAccount"]>[0],
): Promise<string[]> {
  await using mail = await store.openAccount(account);
  await using inbox = await mail.openMailbox("INBOX", { readOnly: true });
  const messages: string[] = [];
  for (const uid of inbox.columns.uids) {
    await using message = await inbox.openMessage(uid as Parameters<typeof inbox.openMessage>[0]);
    messages.push(Buffer.concat(await Array.fromAsync(message.read())).toString("latin1"));
  }
  return messages;
}
