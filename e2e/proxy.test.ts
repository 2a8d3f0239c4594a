import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "@posthouse/test-tools";
import { localToml } from "../apps/cli/src/local/local-config.ts";
import { eventually } from "./eventually.ts";
import { startHaproxy } from "./haproxy.ts";
import { alice, password } from "./people.ts";
import { hasPrograms, run } from "./program.ts";
import { startSuite } from "./suite.ts";

/** Another address of loopback than the proxy's own. */
const CLIENT = "127.0.0.9";

const listeners = [
  { name: "smtp", send: "send-proxy", scheme: "smtp", more: ["--ssl-reqd"] },
  { name: "submission", send: "send-proxy-v2", scheme: "smtp", more: ["--ssl-reqd"] },
  { name: "submissions", send: "send-proxy", scheme: "smtps", more: [] },
  { name: "imap", send: "send-proxy", scheme: "imap", more: ["--ssl-reqd"] },
  { name: "imaps", send: "send-proxy-v2", scheme: "imaps", more: [] },
  { name: "pop3", send: "send-proxy-v2", scheme: "pop3", more: ["--ssl-reqd"] },
  { name: "pop3s", send: "send-proxy", scheme: "pop3s", more: [] },
] as const;

test("behind HAProxy every listener knows its clients, with STARTTLS and with TLS from the start", async (t) => {
  if (!hasPrograms(t, "haproxy", "curl")) return;
  // Other web servers in front of apps/http speak HTTP themselves.
  const withoutHttp = localToml.replace(/\[http\]\nlisteners = \[\n[^\]]*\]\n\n/, "");
  const toml = withoutHttp.replaceAll(
    /\{ (kind|tls) = /g,
    '{ proxy_from = ["127.0.0.0/29"], $1 = ',
  );
  await using suite = await startSuite({ toml });
  const { directory } = suite;
  const passages = await Promise.all(
    listeners.map(async ({ name, send }) => ({
      from: await freePort(),
      to: suite.portOf(name),
      send,
    })),
  );
  await using _haproxy = await startHaproxy(directory, passages);
  const message = join(directory, "message.eml");
  await writeFile(message, `From: ${alice}\r\nSubject: Hello\r\n\r\nHello\r\n`);

  for (const [at, { name, scheme, more }] of listeners.entries()) {
    const isSmtp = scheme.startsWith("smtp");
    const url = `${scheme}://127.0.0.1:${passages[at]?.from}/${isSmtp ? "client.example" : ""}`;
    const args = ["-sS", "--insecure", "--interface", CLIENT, ...more];
    if (name !== "smtp") args.push("--user", `${alice}:${password}`);
    const from = name === "smtp" ? "ann@client.example" : alice;
    if (isSmtp) args.push("--mail-from", from, "--mail-rcpt", alice, "--upload-file", message);
    const { code, stderr } = await run("curl", [...args, url]);
    assert.equal(code, 0, `${name}: ${stderr}`);
  }

  /** What the trail says of an app's clients. */
  const told = async (app: string, type: string, field: string) => {
    const files = await readdir(join(directory, "events"));
    const mine = files.filter((file) => file.includes(`.${app}.`));
    const texts = await Promise.all(
      mine.map((file) => readFile(join(directory, "events", file), "utf8")),
    );
    return texts
      .join("")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((event) => event.type === type)
      .map((event) => event[field]);
  };
  const logins = await eventually("six logins are told of", async () => {
    const addresses = await told("auth", "login", "remoteAddress");
    return addresses.length === 6 && addresses;
  });
  assert.deepEqual(
    logins,
    Array.from(logins, () => CLIENT),
  );
  const mails = await eventually("three messages are told of", async () => {
    const addresses = await told("smtp-in", "accepted", "client");
    return addresses.length === 3 && addresses;
  });
  assert.deepEqual(
    mails,
    Array.from(mails, () => CLIENT),
  );

  // Who is no proxy is a client: nobody asks it for a header.
  const url = `imaps://127.0.0.1:${suite.portOf("imaps")}/`;
  const direct = ["-sS", "--insecure", "--interface", CLIENT, "--user", `${alice}:${password}`];
  assert.equal((await run("curl", [...direct, url])).code, 0);
});
