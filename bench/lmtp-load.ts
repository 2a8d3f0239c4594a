import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Messages into one mailbox, as an LMTP client that keeps its connections sends them (RFC 2033). */
export interface LmtpLoad {
  readonly socketPath: string;
  readonly recipient: string;
  readonly messages: number;
  readonly sessions: number;
  readonly octets: Buffer;
}

/** Messages that were answered 250, a second. */
export async function lmtpRate(load: LmtpLoad): Promise<number> {
  let left = load.messages;
  const connections = await Promise.all(
    Array.from({ length: load.sessions }, () => LmtpConnection.open(load.socketPath)),
  );
  const startMs = performance.now();
  try {
    await Promise.all(
      connections.map(async (connection) => {
        while (left-- > 0) await connection.deliver(load.recipient, load.octets);
      }),
    );
    return load.messages / ((performance.now() - startMs) / 1000);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** The envelope leaves in one write, as PIPELINING allows (RFC 2920), and the octets in a second. */
export class LmtpConnection {
  readonly #socket: Socket;
  readonly #replies: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#replies = replies(socket);
  }

  static async open(socketPath: string): Promise<LmtpConnection> {
    const socket = connect({ path: socketPath });
    await once(socket, "connect");
    const connection = new LmtpConnection(socket);
    await connection.#expect("220");
    socket.write("LHLO bench.test\r\n");
    await connection.#expect("250");
    return connection;
  }

  async deliver(recipient: string, octets: Buffer): Promise<void> {
    this.#socket.write(`MAIL FROM:<sender@remote.test>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`);
    await this.#expect("250");
    await this.#expect("250");
    await this.#expect("354");
    this.#socket.write(octets);
    await this.#expect("250");
  }

  close(): void {
    this.#socket.destroy();
  }

  async #expect(code: string): Promise<void> {
    const { value } = await this.#replies.next();
    if (!value?.startsWith(code)) throw new Error(`Expected ${code}, got ${value}`);
  }
}

async function* replies(socket: Socket): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] !== "-") yield line;
    }
  }
}

/** A message of so many octets, with the dot that ends it. */
export function lmtpMessage(sizeBytes: number): Buffer {
  return Buffer.concat([benchMessage(sizeBytes), Buffer.from(".\r\n")]);
}

export function benchMessage(sizeBytes: number): Buffer {
  const header = [
    "Received: from client.remote.test (client.remote.test [192.0.2.1])",
    "\tby mx.example.test with ESMTPS; Sun, 22 Nov 2026 08:00:00 +0000",
    "From: Some Body <some.body@remote.test>",
    "To: Ann <ann@example.test>",
    "Subject: A message of the benchmark",
    "Date: Sun, 22 Nov 2026 08:00:00 +0000",
    "Message-ID: <0123456789abcdef@remote.test>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "",
  ].join("\r\n");
  const line = `${"x".repeat(70)}\r\n`;
  const lines = Math.max(1, Math.round((sizeBytes - header.length) / line.length));
  return Buffer.from(header + line.repeat(lines));
}
