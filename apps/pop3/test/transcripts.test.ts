import { describeTranscripts, type Transcript } from "@posthouse/transcript";
import { startTestServer } from "./test-server.ts";

/** What `@messages` in a transcript names. */
const maildrops: Record<string, readonly (string | Uint8Array)[]> = {
  none: [],
  // The sizes of RFC 1939's examples: 120 and 200 octets.
  rfc1939: [messageOf(120), messageOf(200)],
  utf8: ["Subject: Grüße\r\n\r\nKäse\r\n"],
  dots: [
    "Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n",
    "Subject: no line end\r\n\r\n.last line",
    ".Subject: not even a header\r\n",
  ],
  top: [
    "Subject: top\r\nTo: ann@example.org\r\n\r\none\r\n.two\r\n\r\nfour\r\n",
    "Subject: header only\r\n\r\n",
    "Subject: no blank line\r\n",
  ],
};

describeTranscripts(
  new URL("./transcripts/", import.meta.url),
  async ({ settings }: Transcript) => {
    const server = await startTestServer({
      messages: maildrops[settings.get("messages") ?? "none"] ?? [],
      pop3: settings.get("pop3") ?? "",
      isPlaintextAllowed: settings.get("plaintext") !== "nobody",
    });
    const kind = settings.get("tls") === "implicit" ? "pop3s" : "pop3";
    return {
      connect: () => server.connect(kind),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
);

function messageOf(octets: number): string {
  const header = "Subject: an example\r\n\r\n";
  return `${header}${"x".repeat(octets - header.length - 2)}\r\n`;
}
