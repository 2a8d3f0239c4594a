import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import {
  type MailFrom,
  MessageSpool,
  type RcptTo,
  type Reply,
  type SmtpHandler,
  type SmtpPeer,
  type SmtpServerOptions,
} from "@posthouse/smtp";
import { createSmtpServer } from "@posthouse/smtp/server";
import { tlsIdentity } from "../client/tls-identity.ts";

/** What the handler of a test server was given. */
export interface ReceivedMail {
  readonly mail: MailFrom;
  readonly recipients: readonly RcptTo[];
  readonly peer: SmtpPeer;
  readonly message: string;
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly received: readonly ReceivedMail[];
  /** Why the octets of messages ended early, by the name of the error. */
  readonly failures: readonly string[];
  /** Resolves when one more message was received or has failed. */
  nextEnd(): Promise<void>;
}

/**
 * A server whose handler takes everything but a few names: `full@` is told 452, `unknown@` 550, and at
 * the end of the data `later@` 451 and `never@` 554. The message is said to have that many octets.
 */
export async function testServer(options: Partial<SmtpServerOptions> = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-smtp-"));
  const received: ReceivedMail[] = [];
  const failures: string[] = [];
  let ended = Promise.withResolvers<void>();
  const end = () => {
    ended.resolve();
    ended = Promise.withResolvers();
  };
  const handler: SmtpHandler = {
    mailFrom(mail, peer) {
      if (mail.reversePath.startsWith("banned@")) return reply(553, "5.7.1", "Not from you");
      const recipients: RcptTo[] = [];
      return {
        rcptTo(recipient) {
          const refusal = atRcpt[recipient.address.split("@")[0] ?? ""];
          if (refusal !== undefined) return refusal;
          recipients.push(recipient);
          return reply(250, "2.1.5", "Recipient ok");
        },
        async data(octets) {
          await using spool = new MessageSpool(directory, { memoryBytesMax: 4096 });
          try {
            await spool.receive(octets);
          } catch (error) {
            failures.push((error as Error).name);
            throw error;
          } finally {
            end();
          }
          const message = (await Array.fromAsync(spool.octets())).map(String).join("");
          received.push({ mail, recipients, peer, message });
          return recipients.map(
            ({ address }) =>
              atEnd[address.split("@")[0] ?? ""] ??
              reply(250, "2.0.0", `${spool.sizeBytes} octets for ${address}`),
          );
        },
      };
    },
    ...options.handler,
  };
  const server = createSmtpServer({
    flavour: "smtp",
    hostname: "mx.example.test",
    messageBytesMax: 1_000_000,
    lineEnds: "refuse",
    recipientsMax: 100,
    isDsnOffered: true,
    onError: (error) => failures.push(String(error)),
    ...options,
    handler,
  });
  server.netServer.listen(0, "127.0.0.1");
  await once(server.netServer, "listening");
  const address = server.netServer.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    received,
    failures,
    nextEnd: () => ended.promise,
    async [Symbol.asyncDispose]() {
      await server.close(100);
      await rm(directory, { recursive: true });
    },
  };
}

const reply = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, text });

const atRcpt: Readonly<Record<string, Reply>> = {
  unknown: reply(550, "5.1.1", "No such user here"),
  full: reply(452, "4.2.2", "Mailbox is full"),
};

const atEnd: Readonly<Record<string, Reply>> = {
  later: reply(451, "4.3.0", "Not now"),
  never: reply(554, "5.6.0", "Never"),
};

const context = createSecureContext(tlsIdentity);
export const testIdentity = { context: () => context };

/** AUTH that knows one password, of ann. */
export const testAuthentication: Pick<SmtpHandler, "authenticate"> = {
  authenticate: ({ username, password }) =>
    Promise.resolve(
      username === "ann@example.test" && password === "tea"
        ? { authenticatedAs: username }
        : reply(535, "5.7.8", "Authentication credentials invalid"),
    ),
};
