import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import {
  acmeCertificateFile,
  loadTls,
  makeSelfSignedCertificate,
  testContext,
} from "@posthouse/service";

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

test("a client gets the certificate for the name it asks for, also after a change", async () => {
  await using context = await testContext();
  const put = async (name: string, pair: { certificate: string; key: string }) => {
    const certificateFile = join(context.directory, `${name}.pem`);
    await writeFile(certificateFile, pair.key + pair.certificate);
    return { certificateFile };
  };
  const wildcard = makeSelfSignedCertificate({
    names: ["*.net.test", "net.test"],
    notBefore: new Date(),
    days: 30,
  });
  const tlsConfig = {
    ...(await put("own", make("mail.example.test"))),
    certificates: [await put("one", make("mail.one.test")), await put("net", wildcard)],
  };
  const acme = { ...context.config.acme, isOn: true, certificates: [{ names: ["mail.two.test"] }] };
  const config = { ...context.config, tls: tlsConfig, acme };
  const complaints: unknown[] = [];
  const tls = loadTls(config, (error) => complaints.push(error));
  const server = createServer(tls.options(), (socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const shownFor = async (name: string) => (await certificateAt(server, name)).subject.CN;
  for (const [asked, shown] of [
    ["mail.example.test", "mail.example.test"],
    ["MAIL.one.test", "mail.one.test"],
    ["imap.net.test", "*.net.test"],
    ["a.b.net.test", "mail.example.test"],
    ["mail.two.test", "mail.example.test"],
    ["else.test", "mail.example.test"],
  ] as const) {
    assert.equal(await shownFor(asked), shown, asked);
  }

  const ofAcme = acmeCertificateFile(config, "mail.two.test");
  await mkdir(dirname(ofAcme), { recursive: true });
  const two = make("mail.two.test");
  await writeFile(ofAcme, two.key + two.certificate);
  assert.equal(tls.reload(), true);
  assert.equal(await shownFor("mail.two.test"), "mail.two.test");
  await writeFile(ofAcme, "damaged");
  assert.equal(tls.reload(), true);
  assert.equal(await shownFor("mail.two.test"), "mail.two.test");
  assert.match(String(complaints[0]), /Cannot use certificate/);
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

async function certificateAt(
  server: ReturnType<typeof createServer>,
  servername = "any.example.test",
) {
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername,
    rejectUnauthorized: false,
  });
  await once(socket, "secureConnect");
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}
