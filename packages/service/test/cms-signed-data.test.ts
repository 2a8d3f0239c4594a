import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { cmsSignedData, makeSelfSignedCertificate } from "@posthouse/service";

const run = promisify(execFile);

async function withFiles(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-cms-"));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A foreign program, as in e2e/program.ts: left out unless all are to be met. */
const isLeftOut = process.env.POSTHOUSE_FOREIGN ? false : "it meets openssl";

const forTwoDays = { names: ["mail.example.org"], notBefore: new Date(), days: 2 };
const content = Buffer.from(`<plist>\n${"x".repeat(70_000)}\r\n</plist>\n`);

/** What OpenSSL says of it: the content that was signed, or why it does not believe it. */
async function verified(directory: string, signed: Buffer, certificate: string): Promise<Buffer> {
  const at = (name: string) => join(directory, name);
  await writeFile(at("signed.der"), signed);
  await writeFile(at("ca.pem"), certificate);
  const files = ["-in", at("signed.der"), "-CAfile", at("ca.pem"), "-out", at("out")];
  const how = ["-inform", "DER", "-binary", "-purpose", "any"];
  await run("openssl", ["cms", "-verify", ...how, ...files]);
  return await readFile(at("out"));
}

test("what is signed with a key on a curve is verified by OpenSSL, and a changed octet is found", {
  skip: isLeftOut,
}, async () => {
  await withFiles(async (directory) => {
    const made = makeSelfSignedCertificate(forTwoDays);
    const signed = cmsSignedData(content, made);
    assert.ok(signed !== undefined);
    assert.deepEqual(await verified(directory, signed, made.certificate), content);
    const changed = Buffer.from(signed);
    const at = changed.indexOf("xxxx");
    changed[at] = "y".charCodeAt(0);
    await assert.rejects(verified(directory, changed, made.certificate), /digest|verif/i);
  });
});

test("what is signed with an RSA key is verified by OpenSSL, with the chain in it", {
  skip: isLeftOut,
}, async () => {
  await withFiles(async (directory) => {
    const at = (name: string) => join(directory, name);
    const newKey = ["-newkey", "rsa:2048", "-noenc", "-sha256", "-days", "2"];
    const subject = (name: string) => ["-subj", `/CN=${name}`];
    const root = ["-keyout", at("root.key"), "-out", at("root.pem")];
    await run("openssl", ["req", "-x509", ...newKey, ...subject("Root"), ...root]);
    const issuer = ["-CA", at("root.pem"), "-CAkey", at("root.key")];
    const own = ["-keyout", at("own.key"), "-out", at("own.pem")];
    await run("openssl", ["req", "-x509", ...newKey, ...subject("Own"), ...issuer, ...own]);
    const [certificate, key, ca] = await Promise.all(
      ["own.pem", "own.key", "root.pem"].map((name) => readFile(at(name), "utf8")),
    );
    assert.ok(certificate !== undefined && key !== undefined && ca !== undefined);
    const signed = cmsSignedData(content, { certificate: certificate + ca, key });
    assert.ok(signed !== undefined);
    assert.deepEqual(await verified(directory, signed, ca), content);
  });
});

test("a key of another kind signs nothing", () => {
  const { certificate } = makeSelfSignedCertificate(forTwoDays);
  const key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  assert.equal(cmsSignedData(content, { certificate, key: String(key) }), undefined);
});
