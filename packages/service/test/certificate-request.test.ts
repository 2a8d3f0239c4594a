import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import { makeCertificateRequest } from "@posthouse/service";

test("openssl reads a request for a certificate, and finds its signature and its names right", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const names = ["mail.example.test", "autoconfig.example.test"];
  const request = makeCertificateRequest(
    names,
    privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  );
  const running = promisify(execFile)("openssl", ["req", "-verify", "-noout", "-text"]);
  running.child.stdin?.end(request);
  const { stdout, stderr } = await running;
  assert.match(stderr, /verify OK/);
  assert.match(stdout, /DNS:mail\.example\.test, DNS:autoconfig\.example\.test/);
});
