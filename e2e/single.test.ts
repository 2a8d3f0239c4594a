import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { appNames } from "@posthouse/service";
import { connectAdmin } from "../packages/accounts/src/index.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { alice, bob, password } from "./people.ts";
import { posthouse, spawnPosthouse } from "./posthouse.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { startSuite } from "./suite.ts";

const toml = `
hostname = "mail.example.test"
data_dir = "."
auth.allow_plaintext_from = "loopback"
smtp_in.listeners = [{ kind = "mx", address = "127.0.0.1", port = 0 }]
imap.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
pop3.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
managesieve.listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
http.listeners = [{ tls = "none", address = "127.0.0.1", port = 0 }]
smtp_out.send = false
`;

test("all servers in one process take, deliver and show mail; a second start finds it", async () => {
  await using suite = await startSuite({ toml, arguments: ["--single"] });
  const { directory } = suite;
  assert.equal(new Set(suite.addresses.map(({ app }) => app)).size, appNames.length);
  {
    using sender = await SmtpDialogue.open(suite.portOf("smtp"));
    const octets = Buffer.from("Subject: hello\r\n\r\nIt works.\r\n");
    const sent = await sender.send({ from: "x@example.net", to: [alice, bob], octets });
    assert.equal(sent.code, 250, sent.text);
    using reader = await ImapDialogue.login(suite.portOf("imap"), alice, password);
    assert.deepEqual(await subjects(reader), ["Subject: hello"]);

    const health = await posthouse("health", "--data", directory);
    assert.equal(health.code, 0, health.stdout);
    const ofImap = await page(directory, "imap", "/metrics");
    assert.match(ofImap, /^posthouse_imap_connections\{app="imap"\} 1$/m);
    assert.doesNotMatch(ofImap, /^process_/m);
    assert.match(await page(directory, "single", "/metrics"), /^process_resident_memory_bytes/m);
    assert.equal(await suite.stop(), 0);
  }

  const isReady = (line: string) => line.includes("All servers are up");
  const second = await spawnPosthouse(["up", "--single", "--data", directory], isReady);
  try {
    const port = await portOf(directory, "imap");
    using reader = await ImapDialogue.login(port, bob, password);
    assert.deepEqual(await subjects(reader), ["Subject: hello"]);
    // A change of the directory is told to all who remember, though they are the same process.
    await using admin = connectAdmin({ socketPath: join(directory, "run", "auth-admin.sock") });
    await admin.addAlias("info@example.test", [bob]);
    using sender = await SmtpDialogue.open(await portOf(directory, "smtp-in"));
    const octets = Buffer.from("Subject: again\r\n\r\nBy alias.\r\n");
    const sent = await sender.send({ from: "x@example.net", to: ["info@example.test"], octets });
    assert.equal(sent.code, 250, sent.text);
    assert.deepEqual(await subjects(reader), ["Subject: hello", "Subject: again"]);
  } finally {
    assert.equal(await second.stop(), 0);
  }
});

async function subjects(reader: ImapDialogue): Promise<string[]> {
  const messages = [...(await reader.messages("INBOX")).values()];
  return messages.map(
    (octets) => /^Subject: .*/m.exec(octets.toString().replaceAll("\r", ""))?.[0] ?? "",
  );
}

const portOf = async (directory: string, app: string): Promise<number> =>
  JSON.parse(await page(directory, app, "/health")).addresses[0].port;

function page(directory: string, app: string, path: string): Promise<string> {
  const socketPath = join(directory, "run", `${app}.status.sock`);
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      Array.fromAsync(response).then((pieces) => resolve(pieces.join("")), reject);
    })
      .on("error", reject)
      .end();
  });
}
