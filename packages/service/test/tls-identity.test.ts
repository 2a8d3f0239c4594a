import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { loadTls, makeSelfSignedCertificate, testContext } from "@posthouse/service";

const make = (name: string) =>
  makeSelfSignedCertificate({
    names: [name, "127.0.0.1", "2001:db8::1"],
    notBefore: new Date(),
    days: 30,
  });

test("a self-made certificate verifies against itself and knows its names", () => {
  for (const notBefore of [new Date(), new Date("2049-12-31T00:00:00Z")]) {
    const { certificate } = makeSelfSignedCertificate({
      names: ["mail.example.test", "127.0.0.1", "2001:db8::1"],
      notBefore,
      days: 30,
    });
    const parsed = new X509Certificate(certificate);
    assert.ok(parsed.verify(parsed.publicKey));
    assert.equal(parsed.checkHost("mail.example.test"), "mail.example.test");
    assert.equal(parsed.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(parsed.checkIP("2001:db8::1"), "2001:db8::1");
    assert.equal(Date.parse(parsed.validTo) - Date.parse(parsed.validFrom), 30 * 86_400_000);
  }
});

test("the self-made certificate is kept between starts", async () => {
  await using context = await testContext();
  const fingerprint = async () => {
    const tls = loadTls(context.config);
    const shown = await shownCertificate(tls);
    tls.close();
    return shown.fingerprint256;
  };
  assert.equal(await fingerprint(), await fingerprint());
});

test("reload() shows a new certificate without a new server, and keeps the old one when the new is broken", async () => {
  await using context = await testContext();
  const certificateFile = join(context.directory, "cert.pem");
  const keyFile = join(context.directory, "key.pem");
  const put = async (pair: { certificate: string; key: string }) => {
    await writeFile(certificateFile, pair.certificate);
    await writeFile(keyFile, pair.key);
  };
  await put(make("one.example.test"));
  const tls = loadTls({ ...context.config, tls: { certificateFile, keyFile } });
  assert.equal(tls.reload(), false);
  const server = createServer(tls.options(), (socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  assert.equal((await certificateAt(server)).subject.CN, "one.example.test");

  await put(make("two.example.test"));
  assert.equal(tls.reload(), true);
  server.setSecureContext(tls.options());
  assert.equal((await certificateAt(server)).subject.CN, "two.example.test");

  await writeFile(certificateFile, "nonsense");
  assert.throws(() => tls.reload(), /Cannot use certificate/);
  assert.equal((await certificateAt(server)).subject.CN, "two.example.test");
  tls.close();
  server.close();
});

async function shownCertificate(tls: ReturnType<typeof loadTls>) {
  const server = createServer(tls.options(), (socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const certificate = await certificateAt(server);
  server.close();
  return certificate;
}

async function certificateAt(server: ReturnType<typeof createServer>) {
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "any.example.test",
    rejectUnauthorized: false,
  });
  await once(socket, "secureConnect");
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}
