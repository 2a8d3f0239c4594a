import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findingAt } from "../src/checks/finding.ts";
import { atPlace } from "../src/place.ts";
import { program, wordsOf } from "../src/program.ts";
import { runningConfigOf } from "../src/running-config.ts";

test("a command that is suggested leads to the server that was typed", () => {
  const text = "posthouse queue list, or /opt/posthouse/current; posthouse-auth, Posthouse";
  assert.equal(atPlace(text, {}), text);
  assert.equal(
    atPlace(text, { data: "data/local" }),
    "posthouse --data data/local queue list, or /opt/posthouse/current; posthouse-auth, Posthouse",
  );
  assert.equal(
    atPlace('"posthouse dkim add"', { data: "it's $1", config: "/c" }),
    String.raw`"posthouse --config /c --data 'it'\''s $1' dkim add"`,
  );
  const finding = { id: "x", state: "bad", says: "posthouse is", fix: "posthouse up" } as const;
  assert.deepEqual(findingAt(finding, { data: "d" }), { ...finding, fix: "posthouse --data d up" });
});

for (const [typed, expected] of [
  ["--data one domain list", "one"],
  ["--data=one domain list", "one"],
  ["domain list --data two", "two"],
  ["--data one domain list --data two", "two"],
] as const) {
  test(`the server may be named before the command or behind it: ${typed}`, async () => {
    const args = typed.split(" ");
    const posthouse = await program(args);
    let data: unknown;
    posthouse.hook("preAction", (_, command) => {
      data = command.opts().data;
      throw new Error("enough");
    });
    await assert.rejects(posthouse.parseAsync(args, { from: "user" }), /enough/);
    assert.equal(data, expected);
    assert.equal(posthouse.commands.length, 1);
  });
}

test("the ports of a server for trying are asked of it, where no offset is typed", async (t) => {
  const data = await mkdtemp(join(tmpdir(), "posthouse-place-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  const listeners = '[{ tls = "implicit", port = 993 }, { tls = "starttls", port = 143 }]';
  const toml = `hostname = "mail.example.test"\ndata_dir = "."\n[imap]\nlisteners = ${listeners}\n`;
  await writeFile(join(data, "posthouse.toml"), toml);
  const ports = async (portOffset?: string) => {
    const options = portOffset === undefined ? { data } : { data, portOffset };
    return (await runningConfigOf(options)).imap.listeners.map(({ port }) => port);
  };
  assert.deepEqual(await ports(), [993, 143]);
  let bound = [12_993, 12_143];
  const server = createServer((_, response) =>
    response.end(JSON.stringify({ addresses: bound.map((port) => ({ name: "imap", port })) })),
  );
  await mkdir(join(data, "run"), { recursive: true });
  server.listen(join(data, "run", "imap.status.sock"));
  await once(server, "listening");
  t.after(() => server.close());
  assert.deepEqual(await ports(), [12_993, 12_143]);
  assert.deepEqual(await ports("5"), [998, 148]);
  bound = [12_993, 2143];
  assert.deepEqual(await ports(), [993, 143]);
});

test("help is asked of the command that is there, also where the directory has the name of one", async () => {
  const args = ["--data", "queue", "queue", "list", "--help"];
  assert.deepEqual(wordsOf(await program(args), args), args);
});
