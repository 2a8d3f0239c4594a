import assert from "node:assert/strict";
import { test } from "node:test";
import { connectTo } from "@posthouse/transcript";
import { testApp } from "./test-app.ts";

/**
 * SMTP smuggling: a message whose middle looks to one server like the end of its data, and to the other
 * not. Every pair of line ends that was published around the dot, but for CRLF.CRLF, which is the end.
 */
const lineEnds = {
  LF: "\n",
  CR: "\r",
  CRLF: "\r\n",
  LFCR: "\n\r",
  CRCRLF: "\r\r\n",
  "CRLF NUL": "\r\n\0",
  "NUL LF": "\0\n",
} as const;
const dots = [".", "..", ".\0"] as const;

const smuggled =
  "MAIL FROM:<evil@remote.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nFrom: evil@remote.example\r\n\r\nSmuggled\r\n.\r\n";

const forms = Object.entries(lineEnds).flatMap(([before, first]) =>
  Object.entries(lineEnds).flatMap(([after, second]) =>
    dots
      // This one is the end, whatever stands around it (RFC 5321 §4.1.1.4).
      .filter((dot) => !`${first}${dot}${second}`.includes("\r\n.\r\n"))
      .map((dot) => ({
        name: `${before} ${JSON.stringify(dot)} ${after}`,
        octets: `${first}${dot}${second}`,
      })),
  ),
);

/** Everything that the server says to a session in which the whole is sent at once. */
async function said(port: number, login: string, form: string): Promise<readonly string[]> {
  const socket = await connectTo({ port, noDelay: true });
  socket.write(
    `EHLO client.example\r\n${login}MAIL FROM:<ann@example.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n` +
      `From: ann@example.test\r\n\r\nHello${form}${smuggled}QUIT\r\n`,
    "latin1",
  );
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text.split("\r\n").filter((line) => line !== "" && line[3] !== "-");
}

test("no form of a smuggled end is taken for one on port 25, and the message is refused", async () => {
  await using app = await testApp();
  for (const { name, octets } of forms) {
    const lines = await said(app.port("smtp"), "", octets);
    const [end = "", bye = ""] = lines.slice(-2);
    // One message, ended by its only CRLF.CRLF; none was begun inside it.
    assert.deepEqual(
      lines.slice(0, -2).map((line) => line.slice(0, 3)),
      ["220", "250", "250", "250", "354"],
      name,
    );
    const isPlain = octets === "\r\n..\r\n";
    assert.match(end, isPlain ? /^250 2\.0\.0 / : /^(?:550 5\.6\.11|554 5\.6\.0) /, name);
    assert.match(bye, /^221 /, name);
  }
  assert.equal(app.delivery?.handedOver.length, 1);
  assert.match(app.delivery?.handedOver[0]?.message ?? "", /Hello\r\n\.\r\nMAIL FROM:<evil/);
});

test("on submission lone ends become CRLF, the dot stays text, and it is one message", async () => {
  await using app = await testApp();
  const login = `AUTH PLAIN ${Buffer.from("\0ann@example.test\0tea").toString("base64")}\r\n`;
  const repaired = forms.filter(({ octets }) => !octets.includes("\0"));
  for (const { name, octets } of repaired) {
    const lines = await said(app.port("submission"), login, octets);
    assert.match(lines.at(-2) ?? "", /^250 2\.0\.0 Ok: queued as/, name);
    assert.equal(lines.filter((line) => line.startsWith("354")).length, 1, name);
  }
  const messages = app.delivery?.handedOver.map(({ message }) => message) ?? [];
  assert.equal(messages.length, repaired.length);
  for (const message of messages) {
    assert.doesNotMatch(message, /(?<!\r)\n|\r(?!\n)/);
    assert.match(message, /MAIL FROM:<evil@remote\.example>/);
  }
});
