import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { TEST_TOML, testContext } from "@posthouse/service";
import { startImapServer } from "./imap-server.ts";

const run = promisify(execFile);
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A client that says a line and reads one. */
class Client implements Disposable {
  readonly socket: TLSSocket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    this.#lines = linesOf(socket);
  }

  static async connect(port: number, options: ConnectionOptions = {}): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
    await once(socket, "secureConnect");
    return new Client(socket);
  }

  async read(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done ? "" : value;
  }

  async say(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`);
    return await this.read();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

async function* linesOf(socket: TLSSocket): AsyncGenerator<string> {
  let text = "";
  for await (const octets of socket) {
    text += octets;
    for (let end = text.indexOf("\r\n"); end !== -1; end = text.indexOf("\r\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 2);
    }
  }
}

/** Logs in by SCRAM-SHA-256-PLUS, bound to what the client itself sees of the connection. */
async function scramPlus(client: Client, type: string, sees: Buffer): Promise<string> {
  const header = `p=${type},,`;
  const bare = "n=ann,r=abc";
  const answer = await client.say(`a1 AUTHENTICATE SCRAM-SHA-256-PLUS ${base64(header + bare)}`);
  if (!answer.startsWith("+ ")) return answer;
  const first = Buffer.from(answer.slice(2), "base64").toString();
  const [, nonce = "", salt = "", rounds] = /^r=(.+),s=(.+),i=(\d+)$/.exec(first) ?? [];
  const binding = Buffer.concat([Buffer.from(header), sees]).toString("base64");
  const salted = pbkdf2Sync("secret", Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
  const key = createHmac("sha256", salted).update("Client Key").digest();
  const message = `${bare},${first},c=${binding},r=${nonce}`;
  const signature = createHmac("sha256", createHash("sha256").update(key).digest())
    .update(message)
    .digest();
  const proof = Buffer.from(key.map((octet, at) => octet ^ (signature[at] ?? 0)));
  const final = await client.say(base64(`c=${binding},r=${nonce},p=${proof.toString("base64")}`));
  if (!final.startsWith("+ ")) return final;
  const serverKey = createHmac("sha256", salted).update("Server Key").digest();
  const expected = createHmac("sha256", serverKey).update(message).digest("base64");
  assert.equal(Buffer.from(final.slice(2), "base64").toString(), `v=${expected}`);
  return await client.say("");
}

const exporterOf = (socket: TLSSocket) =>
  socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));

test("SCRAM-SHA-256-PLUS binds to TLS 1.3 by its exporter, and to TLS 1.2 by the certificate", async () => {
  await using server = await startImapServer();
  {
    using client = await Client.connect(server.tlsPort);
    assert.match(await client.read(), /AUTH=SCRAM-SHA-256-PLUS /);
    assert.match(await scramPlus(client, "tls-exporter", exporterOf(client.socket)), /^a1 OK /);
  }
  {
    using client = await Client.connect(server.tlsPort, { maxVersion: "TLSv1.2" });
    assert.match(await client.read(), /AUTH=SCRAM-SHA-256-PLUS /);
    const certificate = client.socket.getPeerCertificate().raw;
    const sees = createHash("sha256").update(certificate).digest();
    assert.match(await scramPlus(client, "tls-exporter", sees), /^a1 NO /);
    assert.match(await scramPlus(client, "tls-server-end-point", sees), /^a1 OK /);
  }
});

test("a proof that is bound to another TLS connection is refused", async () => {
  await using server = await startImapServer();
  using other = await Client.connect(server.tlsPort);
  using client = await Client.connect(server.tlsPort);
  await client.read();
  const sees = exporterOf(other.socket);
  assert.match(await scramPlus(client, "tls-exporter", sees), /^a1 NO \[AUTHENTICATIONFAILED\]/);
});

const hasOpenssl = await run("openssl", ["version"]).then(
  () => true,
  () => false,
);

/** A certificate that is its own authority, for `names`. */
async function makeCertificate(directory: string, file: string, names: string) {
  const key = join(directory, `${file}.key`);
  const cert = join(directory, `${file}.pem`);
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const about = ["-subj", "/CN=client", "-days", "2", "-addext", `subjectAltName=${names}`];
  await run("openssl", [...made, "-keyout", key, "-out", cert, ...about]);
  return { path: cert, key: await readFile(key), cert: await readFile(cert) };
}

test("EXTERNAL logs in by certificate, where the listener asks for one", {
  skip: !hasOpenssl && "openssl is not installed",
}, async () => {
  await using files = await testContext();
  const ann = await makeCertificate(files.directory, "ann", "email:ann@example.org");
  const stranger = await makeCertificate(files.directory, "stranger", "email:ann@example.org");
  const listener = '{ tls = "implicit", address = "127.0.0.1", port = 0';
  const toml = TEST_TOML.replace(
    /(\[imap\][\s\S]*?)\{ tls = "implicit", address = "127.0.0.1", port = 0/,
    `$1${listener}, client_certificates = true`,
  );
  await using server = await startImapServer({
    toml: `${toml}\n[tls]\nclient_ca_file = "${ann.path}"\n`,
  });
  {
    using client = await Client.connect(server.tlsPort, { key: ann.key, cert: ann.cert });
    assert.match(await client.read(), /AUTH=EXTERNAL /);
    assert.match(await client.say("a1 AUTHENTICATE EXTERNAL ="), /^a1 OK \[CAPABILITY/);
    // RFC 8437 §4.2: the certificate is still there for the next login.
    assert.match(await client.say("a2 UNAUTHENTICATE"), /^a2 OK /);
    assert.equal(await client.say("a3 AUTHENTICATE EXTERNAL"), "+ ");
    assert.match(await client.say(""), /^a3 OK /);
  }
  for (const options of [{}, { key: stranger.key, cert: stranger.cert }]) {
    using client = await Client.connect(server.tlsPort, options);
    assert.doesNotMatch(await client.read(), /EXTERNAL/);
    assert.match(await client.say("a1 AUTHENTICATE EXTERNAL ="), /^a1 NO \[CANNOT\]/);
    assert.match(await client.say("a2 LOGIN ann secret"), /^a2 OK /);
  }
});
