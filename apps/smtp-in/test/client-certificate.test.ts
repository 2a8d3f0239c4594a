import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { test } from "node:test";
import { type ConnectionOptions, connect } from "node:tls";
import { promisify } from "node:util";
import { TEST_TOML, testContext } from "@posthouse/service";
import { testApp } from "./test-app.ts";

const run = promisify(execFile);
const hasOpenssl = await run("openssl", ["version"]).then(
  () => true,
  () => false,
);

/** A certificate that is its own authority, for one mail address. */
async function makeCertificate(directory: string, file: string, address: string) {
  const key = join(directory, `${file}.key`);
  const cert = join(directory, `${file}.pem`);
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const about = ["-subj", "/CN=client", "-days", "2", "-addext", `subjectAltName=email:${address}`];
  await run("openssl", [...made, "-keyout", key, "-out", cert, ...about]);
  return { path: cert, key: await readFile(key), cert: await readFile(cert) };
}

/** Says each line and gives the last line of each reply. */
async function dialogue(port: number, options: ConnectionOptions, lines: readonly string[]) {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async () => {
    for (;;) {
      const { value = "", done } = await replies.next();
      if (done || value[3] !== "-") return value;
    }
  };
  const said = [await reply()];
  for (const line of lines) {
    socket.write(`${line}\r\n`);
    said.push(await reply());
  }
  socket.destroy();
  return said;
}

test("EXTERNAL logs in by certificate, where the listener asks for one", {
  skip: !hasOpenssl && "openssl is not installed",
}, async () => {
  await using files = await testContext();
  const ann = await makeCertificate(files.directory, "ann", "ann@example.test");
  const stranger = await makeCertificate(files.directory, "stranger", "ann@example.test");
  const listener = '{ kind = "submissions", address = "127.0.0.1", port = 0';
  const toml = TEST_TOML.replace(listener, `${listener}, client_certificates = true`);
  await using app = await testApp({ toml: `${toml}\n[tls]\nclient_ca_file = "${ann.path}"\n` });
  const port = app.port("submissions");
  const [, ehlo, auth, mail] = await dialogue(port, { key: ann.key, cert: ann.cert }, [
    "EHLO client.example",
    "AUTH EXTERNAL =",
    "MAIL FROM:<ann@example.test>",
  ]);
  assert.match(ehlo ?? "", /AUTH .*EXTERNAL/);
  assert.match(auth ?? "", /^235 /);
  assert.match(mail ?? "", /^250 /);
  for (const options of [{}, { key: stranger.key, cert: stranger.cert }]) {
    const said = await dialogue(port, options, ["EHLO client.example", "AUTH EXTERNAL ="]);
    assert.doesNotMatch(said[1] ?? "", /EXTERNAL/);
    assert.match(said[2] ?? "", /^504 5\.5\.4 /);
  }
});
