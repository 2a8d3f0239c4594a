import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  DkimKeyError,
  DkimKeyStore,
  dnsRecordOf,
  isRecordOf,
  recordNeededUntilMs,
  zoneLineOf,
} from "../src/index.ts";

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-dkim-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const NOW_MS = Date.UTC(2026, 10, 29);

test("make() makes a key for each algorithm, which wait, and other processes read them", () =>
  inDirectory(async (directory) => {
    const made = await new DkimKeyStore(directory, () => NOW_MS).make({ domain: "Example.ORG" });
    assert.deepEqual(
      made.map(({ domain, selector, state }) => [domain, selector, state]),
      [
        ["example.org", "ph202611-rsa", "waiting"],
        ["example.org", "ph202611-ed25519", "waiting"],
      ],
    );
    const other = new DkimKeyStore(directory);
    assert.equal((await other.list()).length, 2);
    assert.deepEqual(await other.activeFor("example.org"), []);
    for (const name of await readdir(directory)) {
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
    }
  }));

test("activate() retires the key before it of the same algorithm, and no other", () =>
  inDirectory(async (directory) => {
    const store = new DkimKeyStore(directory, () => NOW_MS);
    await store.make({ domain: "example.org", isActive: true });
    await store.make({ domain: "example.net", isActive: true });
    const [anew] = await store.make({ domain: "example.org", algorithms: ["ed25519-sha256"] });
    assert.ok(anew);
    assert.equal(anew.selector, "ph202611-2-ed25519");
    await store.activate(anew);
    const states = (await store.list()).map(({ domain, selector, state }) =>
      [domain, selector, state].join(" "),
    );
    assert.deepEqual(states.sort(), [
      "example.net ph202611-ed25519 active",
      "example.net ph202611-rsa active",
      "example.org ph202611-2-ed25519 active",
      "example.org ph202611-ed25519 retired",
      "example.org ph202611-rsa active",
    ]);
    const retired = await store.find("example.org", "ph202611-ed25519");
    assert.equal(recordNeededUntilMs(retired), NOW_MS + 14 * 86_400_000);
  }));

test("a host name below a domain is signed for by the domain's keys, and another domain by none", () =>
  inDirectory(async (directory) => {
    const store = new DkimKeyStore(directory);
    await store.make({ domain: "example.org", isActive: true });
    assert.equal((await store.activeFor("mail.example.org")).length, 2);
    assert.equal((await store.activeFor("myexample.org")).length, 0);
    assert.equal((await store.activeFor("org")).length, 0);
  }));

test("what cannot be is refused in words: no domain, no selector, one that is taken", () =>
  inDirectory(async (directory) => {
    const store = new DkimKeyStore(directory);
    await assert.rejects(store.make({ domain: "localhost" }), DkimKeyError);
    await assert.rejects(
      store.make({ domain: "example.org", selector: "../../etc" }),
      /cannot be a selector/,
    );
    await store.make({ domain: "example.org", selector: "one" });
    await assert.rejects(store.make({ domain: "example.org", selector: "one" }), /already/);
    await assert.rejects(store.find("example.org", "two"), /it has one-rsa, one-ed25519/);
    await assert.rejects(store.find("example.net", "two"), /dkim add example.net/);
  }));

test("a file in the directory that is no key is passed over", () =>
  inDirectory(async (directory) => {
    const store = new DkimKeyStore(directory);
    await store.make({ domain: "example.org" });
    await writeFile(join(directory, "x._domainkey.example.org.pem"), "Domain: example.org\n");
    await writeFile(join(directory, "notes.txt"), "hello");
    assert.equal((await store.list()).length, 2);
  }));

test("the record is the public key, in strings that a zone file takes", () =>
  inDirectory(async (directory) => {
    const [rsa, ed25519] = await new DkimKeyStore(directory).make({ domain: "example.org" });
    assert.ok(rsa && ed25519);
    const record = dnsRecordOf(rsa);
    const published = /p=(.*)$/.exec(record.text)?.[1] ?? "";
    const key = createPublicKey({
      key: Buffer.from(published, "base64"),
      format: "der",
      type: "spki",
    });
    assert.equal(key.asymmetricKeyDetails?.modulusLength, 2048);
    assert.match(dnsRecordOf(ed25519).text, /^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$/);
    const strings = [...zoneLineOf(record).matchAll(/"([^"]*)"/g)].map(([, string = ""]) => string);
    assert.equal(strings.join(""), record.text);
    assert.ok(strings.every((string) => string.length <= 255));
    assert.ok(isRecordOf(rsa, record.text.replace("; p=", ";t=s; p=")));
    assert.ok(!isRecordOf(rsa, dnsRecordOf(ed25519).text));
    assert.ok(!isRecordOf(rsa, "v=DKIM1; p="));
  }));
