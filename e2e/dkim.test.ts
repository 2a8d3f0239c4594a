import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { posthouse, succeeding } from "./posthouse.ts";
import { hasPrograms, run } from "./program.ts";

test("posthouse dkim makes, shows, rotates, retires and removes keys", async (t) => {
  const data = await mkdtemp(join(tmpdir(), "posthouse-dkim-"));
  t.after(() => rm(data, { recursive: true }));
  await writeFile(join(data, "posthouse.toml"), 'hostname = "mail.example.org"\ndata_dir = "."\n');
  const dkim = (...args: string[]) => posthouse("dkim", ...args, "--data", data);
  const says = (...args: string[]) => succeeding(dkim(...args));

  const elsewhere = await dkim("add", "example.org");
  assert.equal(elsewhere.code, 1);
  assert.match(
    elsewhere.stderr,
    /No mail for example\.org is kept here: posthouse --data \S+ domain add/,
  );
  await succeeding(posthouse("domain", "add", "example.org", "--data", data));
  const added = await says("add", "example.org");
  assert.match(added, /name: {2}ph\d{6}-rsa\._domainkey\.example\.org/);
  assert.match(added, /value: v=DKIM1; k=ed25519; p=/);
  assert.match((await dkim("rotate", "example.org")).stderr, /no key that signs/);
  await says("add", "example.net", "--selector", "one", "--algorithm", "rsa", "--now", "--force");
  assert.match(await says("rotate", "example.net", "--now"), /Leave the records of one/);
  const list = await says("list");
  assert.match(list, /example\.org +ph\d+-rsa .* waits for its DNS record/);
  assert.match(list, /example\.net +one .* leave its DNS record until 20/);
  assert.match(list, /example\.net +ph\d+-rsa .* signs/);
  const early = await dkim("remove", "example.net", "one", "--yes");
  assert.equal(early.code, 1);
  assert.match(early.stderr, /cannot be removed yet/);
  assert.match((await dkim("retire", "example.com", "x", "--yes")).stderr, /dkim add example\.com/);

  const lines = await says("show", "example.org", "--zone");
  const path = join(data, "example.org.zone");
  await writeFile(
    path,
    `example.org. 60 IN SOA ns.example.org. a.example.org. 1 2 3 4 5\nexample.org. 60 IN NS ns.example.org.\nns.example.org. 60 IN A 192.0.2.1\n${lines}`,
  );
  if (!hasPrograms(t, "ldns-read-zone")) return;
  const { code, stdout, stderr } = await run("ldns-read-zone", [path]);
  assert.equal(code, 0, stderr + (await readFile(path, "utf8")));
  assert.match(stdout, /ed25519; p=/);
});
