import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type DkimKey, DkimKeyStore, dnsRecordOf, sealFields } from "../src/index.ts";
import { hasPythonDkim, mailauthSaysOfArc, pythonSaysOfArc, pythonSaysOfArcSet } from "./peers.ts";

let directory = "";
let key: DkimKey | undefined;
let records: ReadonlyMap<string, string> = new Map();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "posthouse-arc-"));
  const store = new DkimKeyStore(directory);
  await store.make({ domain: "example.org", isActive: true });
  const keys = await store.activeFor("example.org");
  records = new Map(keys.map(dnsRecordOf).map(({ name, text }) => [name, text]));
  key = keys.find(({ algorithm }) => algorithm === "rsa-sha256");
});
after(() => rm(directory, { recursive: true }));

const results = (arc: string) =>
  `Authentication-Results: mx.example.org;\r\n\tspf=pass smtp.mailfrom=there.example;\r\n\tdmarc=pass header.from=there.example${arc}\r\n`;
const message =
  "From: Ann <ann@there.example>\r\nTo: bob@example.org\r\nSubject:  two  blanks\r\nDate: Sun, 29 Nov 2026 08:00:00 +0000\r\n\r\nHello  \r\n\r\n";

async function sealed(text: string): Promise<string> {
  assert.ok(key !== undefined);
  async function* octets() {
    for (let at = 0; at < text.length; at += 50)
      yield Buffer.from(text.slice(at, at + 50), "latin1");
  }
  const options = { key, authservId: "MX.example.org", nowMs: Date.now() };
  return (await sealFields(octets(), options)).toString("latin1") + text;
}

async function both(text: string): Promise<string[]> {
  const octets = Buffer.from(text, "latin1");
  const said = [await mailauthSaysOfArc(octets, records)];
  return hasPythonDkim ? [...said, pythonSaysOfArc(octets, records)] : said;
}
const allOf = (result: string) => (hasPythonDkim ? [result, result] : [result]);

test("a message that is sent on is sealed, and others find that the seal holds", async () => {
  const once = await sealed(results("") + message);
  assert.match(
    once,
    /^ARC-Seal: i=1;.*cv=none.*ARC-Message-Signature: i=1;.*ARC-Authentication-Results: i=1; mx\.example\.org;/su,
  );
  assert.deepEqual(await both(once), allOf("pass"));
  const changed = once.replace("Hello", "Hallo");
  assert.deepEqual(await both(changed), allOf("fail"));
});

test("a chain that held is gone on with", async () => {
  const once = await sealed(results("") + message);
  const twice = await sealed(results(";\r\n\tarc=pass") + once);
  assert.match(twice, /^ARC-Seal: i=2;.*?cv=pass/su);
  assert.deepEqual(await both(twice), allOf("pass"));
});

test("nothing is sealed of which we say nothing, or that a broken chain comes with", async () => {
  const once = await sealed(results("") + message);
  const half = once.replace(/^ARC-Seal: /u, "X-Seal: ");
  for (const text of [
    message,
    results("").replace("mx.example.org", "mx.there.example") + message,
    results("") + once,
    results(";\r\n\tarc=pass") + half,
    results(";\r\n\tarc=pass") + once.replaceAll("i=1;", "i=2;"),
  ]) {
    assert.equal(await sealed(text), text);
  }
});

test("a chain that does not hold is sealed as failed, once, by a set that stands for itself", async () => {
  const once = await sealed(results("") + message);
  const broken = once.replace("Hello", "Hallo");
  const twice = await sealed(results(";\r\n\tarc=fail") + broken);
  assert.match(twice, /^ARC-Seal: i=2;.*?cv=fail.*?ARC-Message-Signature: i=2;/su);
  assert.deepEqual(await both(twice), hasPythonDkim ? ["fail", "ended"] : ["fail"]);
  if (hasPythonDkim) {
    const octets = Buffer.from(twice, "latin1");
    assert.equal(pythonSaysOfArcSet(octets, records, 2), "fail True True");
  }
  assert.equal(
    await sealed(results(";\r\n\tarc=fail") + twice),
    results(";\r\n\tarc=fail") + twice,
  );
  const half = broken.replace(/^ARC-Seal: /u, "X-Seal: ");
  assert.match(await sealed(results(";\r\n\tarc=fail") + half), /^ARC-Seal: i=2;.*?cv=fail/su);
  for (const wild of ["i=50;", "i=999;", "i=0;", "i=x;"]) {
    const text = results(";\r\n\tarc=fail") + broken.replaceAll("i=1;", wild);
    assert.equal(await sealed(text), text, wild);
  }
});
