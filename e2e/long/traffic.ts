import { createHash } from "node:crypto";
import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import type { Suite } from "../suite.ts";

/** What was accepted: the number of each message whose 250 or OK the client has seen. */
export class Traffic {
  readonly accepted = new Set<number>();
  /** Every UID that a reader was ever shown, and the message that it named then. */
  readonly seen = new Map<string, number>();
  #lastNumber = 0;

  /** Sends until `signal`, by SMTP; failures are the point of the tests and are passed over. */
  async send(suite: Suite, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const transport = createTransport({
        host: "127.0.0.1",
        port: suite.portOf("smtp"),
        ignoreTLS: true,
        pool: true,
        maxConnections: 1,
        connectionTimeout: 2000,
      });
      try {
        while (!signal.aborted) {
          const number = ++this.#lastNumber;
          await withAbort(
            transport.sendMail({
              envelope: { from: "out@side.test", to: "alice@example.test" },
              raw: messageOf(number),
            }),
            signal,
          );
          this.accepted.add(number);
        }
      } catch {
        // The server is gone or going: another connection, unless it is over.
      } finally {
        transport.close();
      }
    }
  }

  /** Appends and reads by IMAP until `signal`. */
  async append(suite: Suite, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const client = imapFlow(suite, "alice@example.test");
      client.on("error", () => {});
      try {
        await withAbort(client.connect(), signal);
        while (!signal.aborted) {
          const number = ++this.#lastNumber;
          const appended = await withAbort(client.append("INBOX", messageOf(number)), signal);
          if (appended === false) break;
          this.accepted.add(number);
          await withAbort(client.mailboxOpen("INBOX"), signal);
          await this.#look(client, signal);
          await withAbort(client.mailboxClose(), signal);
        }
      } catch {
        // As above.
      } finally {
        client.close();
      }
    }
  }

  /** Everything accepted is there, whole, and every UID means what it meant. Says what is wrong. */
  async verify(suite: Suite): Promise<string[]> {
    const client = imapFlow(suite, "alice@example.test");
    await client.connect();
    try {
      const { uidValidity } = await client.mailboxOpen("INBOX");
      const problems: string[] = [];
      const found = new Set<number>();
      for await (const { uid, source } of client.fetch("1:*", { uid: true, source: true })) {
        const number = numberIn(source ?? Buffer.alloc(0));
        if (number === undefined) problems.push(`UID ${uid} is not whole`);
        else found.add(number);
        const before = this.seen.get(`${uidValidity}.${uid}`);
        if (before !== undefined && before !== number)
          problems.push(`UID ${uid} was message ${before} and is ${number}`);
      }
      for (const number of this.accepted)
        if (!found.has(number)) problems.push(`message ${number} was accepted and is not there`);
      return problems;
    } finally {
      await client.logout();
    }
  }

  async #look(client: ImapFlow, signal: AbortSignal): Promise<void> {
    if (client.mailbox === false) return;
    const { uidValidity, uidNext } = client.mailbox;
    const range = `${Math.max(1, uidNext - 20)}:*`;
    const rows = await withAbort(
      client.fetchAll(range, { uid: true, source: true }, { uid: true }),
      signal,
    );
    for (const { uid, source } of rows) {
      const number = numberIn(source ?? Buffer.alloc(0));
      if (number !== undefined) this.seen.set(`${uidValidity}.${uid}`, number);
    }
  }
}

export const imapFlow = (suite: Suite, user: string) =>
  new ImapFlow({
    host: "127.0.0.1",
    port: suite.portOf("imaps"),
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user, pass: "posthouse" },
    logger: false,
    connectionTimeout: 3000,
    greetingTimeout: 3000,
    socketTimeout: 20_000,
  });

/** Of 200 octets to 100 KiB, with a digest of its body that tells whether it is whole. */
function messageOf(number: number): string {
  const body = `${`line of message ${number}\r\n`.repeat(1 + ((number * 7919) % 4000))}`;
  return `From: out@side.test\r\nTo: alice@example.test\r\nSubject: ${number}\r\nX-Digest: ${digestOf(body)}\r\n\r\n${body}`;
}

function numberIn(source: Buffer): number | undefined {
  const text = source.toString("latin1");
  const split = text.indexOf("\r\n\r\n");
  const digest = /^X-Digest: (\w+)\r$/m.exec(text)?.[1];
  const number = /^Subject: (\d+)\r$/m.exec(text)?.[1];
  return digest === digestOf(text.slice(split + 4)) ? Number(number) : undefined;
}

const digestOf = (text: string) =>
  createHash("sha256").update(text, "latin1").digest("hex").slice(0, 32);

/** A client library may wait for ever on a server that has vanished with its machine. */
function withAbort<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  work.catch(() => {});
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error("aborted"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener("abort", abort));
}
