import { connect } from "node:net";
import type { Finding } from "./finding.ts";

const ANSWER_MS_MAX = 10_000;

/** Asks our own port 25 to pass mail on for strangers. No message is sent, whatever it answers. */
export async function openRelayFinding(at: {
  readonly host: string;
  readonly port: number;
}): Promise<Finding> {
  const id = "open-relay";
  try {
    const reply = await lastReplyTo(at, [
      "EHLO doctor.posthouse.invalid",
      "MAIL FROM:<somebody@posthouse.invalid>",
      "RCPT TO:<somebody.else@posthouse-relay-test.example>",
    ]);
    return reply.startsWith("2")
      ? {
          id,
          state: "bad",
          says: "Port 25 passes mail on for strangers: spammers find that within hours",
          fix: 'Take this machine\'s address out of relay_networks of the listener with kind = "mx"',
        }
      : { id, state: "good", says: "Port 25 passes nothing on for strangers" };
  } catch (error) {
    return {
      id,
      state: "bad",
      says: `Port 25 of this machine does not answer: ${(error as Error).message}`,
      fix: "posthouse health smtp-in, and the listeners under [smtp_in]",
    };
  }
}

/** The reply to the last of these lines, or the first that is none of success. */
async function lastReplyTo(
  { host, port }: { readonly host: string; readonly port: number },
  lines: readonly string[],
): Promise<string> {
  const socket = connect({ host, port });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error("no answer in time")), ANSWER_MS_MAX);
  let text = "";
  let sent = 0;
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("it closed the connection")));
  socket.on("data", (octets) => {
    text = (text + octets.toString("latin1")).slice(-8192);
    const reply = /(?:^|\r\n)(\d{3} [^\r\n]*)\r\n$/.exec(text)?.[1];
    if (reply === undefined) return;
    text = "";
    const line = lines[sent];
    if (line === undefined || !reply.startsWith("2")) {
      socket.end("QUIT\r\n");
      resolve(reply);
      return;
    }
    sent += 1;
    socket.write(`${line}\r\n`);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
