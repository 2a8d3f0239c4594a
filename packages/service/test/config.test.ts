import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, configFromToml, loadConfig } from "@posthouse/service";

const wrong = [
  { name: "a syntax error", toml: "hostname = ", says: /^x\.toml, line 1, column \d+: / },
  {
    name: "an unknown key",
    toml: "[imap]\nlisten = 1",
    says: /^x\.toml: unknown key "imap\.listen"$/,
  },
  { name: "an unknown key at the top", toml: "hots = 1", says: /unknown key "hots"/ },
  {
    name: "a value of the wrong type",
    toml: '[limits]\nmessage_bytes_max = "50M"',
    says: /"limits\.message_bytes_max": expected number, received string/,
  },
  {
    name: "a port that is none, in the second listener",
    toml: '[imap]\nlisteners = [{tls="implicit", port=1}, {tls="implicit", port=70000}]',
    says: /"imap\.listeners\[1\]\.port": Too big: expected number to be <=65535/,
  },
  {
    name: "a limit that loses mail",
    toml: "[imap]\nmessage_limit = 999",
    says: /"imap\.message_limit": 1000 messages at least/,
  },
  { name: "half a certificate", toml: '[tls]\nkey_file = "k"', says: /go together/ },
];
for (const { name, toml, says } of wrong) {
  test(`configFromToml() names file, key and fix for ${name}`, () => {
    assert.throws(
      () => configFromToml(toml, "x.toml"),
      (error) =>
        error instanceof ConfigError && says.test(error.message) && !error.message.includes("\n"),
    );
  });
}

test("an empty file is a whole configuration", () => {
  const config = configFromToml("", "/etc/posthouse/posthouse.toml");
  assert.equal(config.paths.mail, "/var/lib/posthouse/mail");
  assert.deepEqual(
    config.smtpIn.listeners.map(({ kind, port }) => [kind, port]),
    [
      ["mx", 25],
      ["submission", 587],
      ["submissions", 465],
    ],
  );
});

test("relative paths count from the file's own directory", () => {
  const config = configFromToml(
    'data_dir = "local"\n[paths]\nmail = "/srv/mail"',
    "/srv/x/posthouse.toml",
  );
  assert.equal(config.paths.queue, "/srv/x/local/queue");
  assert.equal(config.paths.mail, "/srv/mail");
  assert.equal(config.auth.socketPath, "/srv/x/local/run/auth.sock");
});

test("a port offset moves every port but 0", () => {
  const config = configFromToml("[lmtp]\nlisteners=[{port=0},{port=24}]", "/x.toml", {
    portOffset: 2000,
  });
  assert.deepEqual(
    config.lmtp.listeners.map(({ port }) => port),
    [0, 2024],
  );
  assert.equal(config.imap.listeners[0]?.port, 2143);
});

test("a file that is found by --data has its data there, unless it says otherwise", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "posthouse-config-"));
  t.after(() => rm(dataDir, { recursive: true }));
  const configFile = join(dataDir, "posthouse.toml");
  await writeFile(configFile, "");
  assert.equal(loadConfig({ dataDir }).paths.mail, join(dataDir, "mail"));
  assert.equal(loadConfig({ configFile }).dataDir, "/var/lib/posthouse");
  await writeFile(configFile, 'data_dir = "elsewhere"');
  assert.equal(loadConfig({ dataDir }).dataDir, join(dataDir, "elsewhere"));
});

test("loadConfig() says where it looked", () => {
  assert.throws(
    () => loadConfig({ dataDir: "/nonexistent" }),
    /no configuration file "\/nonexistent\/posthouse\.toml"/,
  );
});
