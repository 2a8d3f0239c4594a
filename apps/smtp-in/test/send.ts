import { connectTo, parseTranscript, playTranscript } from "@posthouse/transcript";

/** Plays a short dialogue over a port and gives what it captured. */
export async function dialogue(port: number, text: string): Promise<ReadonlyMap<string, string>> {
  return await playTranscript(parseTranscript(text), {
    connect: () => connectTo({ port, noDelay: true }),
  });
}

/** A whole message, pipelined; `$id` in the result is its name when it was accepted. */
export const submit = (
  recipients: readonly string[],
  reply: string,
  options: { readonly sender?: string; readonly login?: string; readonly message?: string } = {},
): string =>
  [
    "S: 220 $*",
    "C: EHLO client.example",
    "S: ...",
    ...(options.login === undefined
      ? ["S: 250 STARTTLS"]
      : [
          "S: 250 AUTH SCRAM-SHA-256 PLAIN LOGIN",
          `C: AUTH PLAIN ${Buffer.from(`\0${options.login}\0tea`).toString("base64")}`,
          "S: 235 $*",
        ]),
    `C: MAIL FROM:<${options.sender ?? "sender@remote.example"}>`,
    ...recipients.map((recipient) => `C: RCPT TO:${recipient}`),
    "C: DATA",
    "S: 250 $*",
    ...recipients.map(() => "S: 250 $*"),
    "S: 354 $*",
    ...(options.message ?? "Subject: hello\r\n\r\nHello").split("\r\n").map((line) => `C: ${line}`),
    "C: .",
    `S: ${reply}`,
    "C: QUIT",
    "S: 221 $*",
    "S: <closed>",
  ].join("\n");

export const QUEUED = "250 2.0.0 Ok: queued as $id";
