import {
  connectSmtp,
  type OutgoingMessage,
  type SmtpClientSession,
  type SmtpConnectOptions,
} from "@posthouse/smtp";

/** A stream of the given chunks. */
export async function* octetsOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** A small message from ann to bob, with what a test wants different. */
export const message = (more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  reversePath: "ann@a.test",
  recipients: [{ address: "bob@b.test" }],
  octets: octetsOf("Subject: hi\r\n\r\nhello\r\n"),
  ...more,
});

/** Connects in the clear unless told otherwise. */
export const connectTo = (
  port: number,
  more: Partial<SmtpConnectOptions> = {},
): Promise<SmtpClientSession> =>
  connectSmtp({
    flavour: "smtp",
    host: "127.0.0.1",
    port,
    heloName: "client.test",
    tls: { mode: "off" },
    ...more,
  });
