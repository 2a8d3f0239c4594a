import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { createResolver, parseTsigKey, sendUpdate } from "@posthouse/dns";
import { freePort } from "@posthouse/test-tools";
import { eventually } from "./eventually.ts";
import { startKnot } from "./knot.ts";
import { makePebbleFiles, startPebble } from "./pebble.ts";
import { posthouse, spawnPosthouse } from "./posthouse.ts";
import { hasPrograms, whatIsMissing } from "./program.ts";
import { startSuite } from "./suite.ts";

/** HMAC-SHA-256, base64. */
const KEY = "dGhlIGtleSBvZiB0aGUgdGVzdHMgb2YgYWNtZSBoZXJl";

let directory: string;
let caFile: string;
let dnsPort: number;
let knot: AsyncDisposable | undefined;
before(async () => {
  if (whatIsMissing("pebble", "knotd") !== undefined) return;
  directory = await mkdtemp(join(tmpdir(), "posthouse-acme-"));
  caFile = await makePebbleFiles(directory);
  dnsPort = await freePort();
  knot = await startKnot({
    directory: join(directory, "knot"),
    port: dnsPort,
    updateKey: { name: "acme.", secret: KEY },
    zones: {
      "example.test":
        "mail A 127.0.0.1\nautoconfig A 127.0.0.1\nelsewhere A 127.0.0.99\n_acme-challenge.alias CNAME proofs",
    },
  });
});
after(async () => {
  await knot?.[Symbol.asyncDispose]();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

const acmeToml = (port: number, names: readonly string[], more = "") => `
[acme]
agree_to_terms = true
directory_url = "https://127.0.0.1:${port}/dir"
contact = "postmaster@example.test"
names = ${JSON.stringify(names)}
ca_file = "${caFile}"
${more}
`;

const suiteToml = (acme: string) => `
hostname = "mail.example.test"
data_dir = "."
smtp_out.send = false
auth.bcrypt_cost = 4
smtp_in.listeners = [
  { kind = "mx", address = "127.0.0.1", port = 0 },
  { kind = "submission", address = "127.0.0.1", port = 0 },
  { kind = "submissions", address = "127.0.0.1", port = 0 },
]
imap.listeners = [{ tls = "implicit", address = "127.0.0.1", port = 0 }]
pop3.listeners = [{ tls = "implicit", address = "127.0.0.1", port = 0 }]
http.listeners = [
  { tls = "none", address = "127.0.0.1", port = 0 },
  { tls = "implicit", address = "127.0.0.1", port = 0 },
]
${acme}`;

/** Whose certificate a port shows, and whether `root` vouches for it. */
async function shownAt(port: number, root: string, servername?: string) {
  const socket = connect({
    port,
    host: "127.0.0.1",
    ca: root,
    rejectUnauthorized: false,
    ...(servername !== undefined && { servername }),
  });
  await once(socket, "secureConnect");
  const { authorized } = socket;
  const issuer = String(socket.getPeerCertificate().issuer.CN);
  socket.destroy();
  return { authorized, issuer };
}

test("a certificate comes from an ACME server that was away, every server shows it, and it stays", async (t) => {
  if (!hasPrograms(t, "pebble", "knotd")) return;
  const port = await freePort();
  const names = ["mail.example.test", "autoconfig.example.test"];
  // A certificate each, of which a client gets the one for the name that it asks for.
  const further = `[[acme.certificates]]\nnames = ["${names[1]}"]`;
  await using suite = await startSuite({
    toml: suiteToml(acmeToml(port, names.slice(0, 1), further)),
  });
  const at = ["--data", suite.directory];

  const away = await posthouse("tls", "renew", ...at);
  assert.equal(away.code, 1, away.stdout);
  const sentence =
    /Cannot get a certificate: the ACME server https:\/\/127\.0\.0\.1:\d+\/dir cannot be reached \(.*ECONNREFUSED.*\); the self-made certificate goes on being served, and the next try is at \d{4}-\d\d-\d\d \d\d:\d\d UTC/;
  assert.match(away.stderr, sentence);
  assert.ok(suite.log.some((line) => sentence.test(line)));
  const health = await posthouse("health", "http", ...at);
  assert.equal(health.code, 0);
  assert.match(health.stdout, sentence);
  const selfMade = await posthouse("tls", "status", ...at);
  assert.equal(selfMade.code, 1);
  assert.match(selfMade.stdout, /self-made[\s\S]*Problem +Cannot get a certificate/);

  const tlsPorts = ["https", "imaps", "pop3s", "submissions"].map((name) => suite.portOf(name));
  const tlsaOf = async () =>
    JSON.parse((await posthouse("tls", "status", "--json", ...at)).stdout).tlsa as string;
  let root: string;
  {
    await using pebble = await startPebble({
      directory,
      port,
      httpPort: suite.portOf("http"),
      dnsPort,
    });
    root = pebble.root;
    const renewed = await posthouse("tls", "renew", ...at);
    assert.equal(renewed.code, 0, `${renewed.stderr}\n${pebble.log.slice(-30).join("\n")}`);
    assert.match(
      renewed.stdout,
      /^There is a new certificate for mail\.example\.test, until.*\nThere is a new certificate for autoconfig\.example\.test, until/,
    );
    suite.process.kill("SIGHUP");
    for (const tlsPort of tlsPorts) {
      for (const name of [...names, undefined]) {
        await eventually(`port ${tlsPort} shows the new certificate for ${name}`, async () => {
          const { authorized, issuer } = await shownAt(tlsPort, root, name);
          return /Pebble/.test(issuer) && (authorized || name === undefined);
        });
      }
    }
    const status = await posthouse("tls", "status", ...at);
    assert.equal(status.code, 0, status.stdout);
    assert.match(
      status.stdout,
      /from the ACME server\)\nNames +mail\.example\.test\n[\s\S]*Names +autoconfig\.example\.test\n/,
    );
    assert.doesNotMatch((await posthouse("health", "http", ...at)).stdout, /Cannot/);

    const tlsa = await tlsaOf();
    assert.equal((await posthouse("tls", "renew", ...at)).code, 0);
    assert.equal(await tlsaOf(), tlsa);
    await changeKey(suite.directory, { tlsa, tlsaOf });
  }
  const gone = await posthouse("tls", "renew", ...at);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /the certificate until \d{4}-\d\d-\d\d goes on being served/);
  for (const tlsPort of tlsPorts) {
    assert.match((await shownAt(tlsPort, root, "mail.example.test")).issuer, /Pebble/);
  }
});

/** The two steps of a change of keys, beside TLSA records that knot has. */
async function changeKey(
  dataDir: string,
  { tlsa, tlsaOf }: { readonly tlsa: string; readonly tlsaOf: () => Promise<string> },
): Promise<void> {
  const at = ["--data", dataDir];
  const publish = (data: string) =>
    sendUpdate({
      server: `127.0.0.1:${dnsPort}`,
      zone: "example.test",
      key: parseTsigKey(`hmac-sha256:acme:${KEY}`),
      clear: [],
      add: [{ name: "_25._tcp.mail.example.test", type: "TLSA", ttlSeconds: 3600, data }],
    });
  const renew = () =>
    posthouse("tls", "renew", "--new-key", "--dns-server", `127.0.0.1:${dnsPort}`, ...at);
  await publish(tlsa);
  assert.match(
    (await renew()).stderr,
    /The key stays: .* posthouse --data \S+ tls new-key makes that key/,
  );
  const made = await posthouse("tls", "new-key", ...at);
  const [, next = ""] = /TLSA (3 1 1 \w+)\n[^\n]*\n?$/.exec(made.stdout.trimEnd()) ?? [];
  assert.ok(made.stdout.includes(`TLSA ${tlsa}\n`) && next !== tlsa, made.stdout);
  assert.match((await renew()).stderr, /The key stays: .* is not published yet/);
  await publish(next);
  assert.match((await renew()).stderr, /The key stays: other hosts may still remember/);
  const threeHoursAgo = new Date(Date.now() - 3 * 3_600_000);
  await utimes(join(dataDir, "state/tls/next-key.pem"), threeHoursAgo, threeHoursAgo);
  assert.equal(await tlsaOf(), tlsa);
  const changed = await renew();
  assert.equal(changed.code, 0, changed.stderr);
  assert.equal(await tlsaOf(), next);
}

/** apps/http alone, in a directory of its own. */
async function startHttp(
  port: number,
  httpPort: number,
  names: readonly string[],
  { tls = "none", more = "" } = {},
) {
  const dataDir = await mkdtemp(join(directory, "http-"));
  for (const path of ["run", "state/http", "events"]) {
    await mkdir(join(dataDir, path), { recursive: true });
  }
  await writeFile(
    join(dataDir, "posthouse.toml"),
    `hostname = "mail.example.test"
data_dir = "."
http.listeners = [{ tls = "${tls}", address = "127.0.0.1", port = ${httpPort} }]
${acmeToml(port, names, more)}`,
  );
  const running = await spawnPosthouse(["http", "--data", dataDir], (line) =>
    line.includes("Serving "),
  );
  return { ...running, dataDir, [Symbol.asyncDispose]: async () => void (await running.stop()) };
}

test("a certificate is renewed by itself before it ends", async (t) => {
  if (!hasPrograms(t, "pebble", "knotd")) return;
  const [port, httpPort] = [await freePort(), await freePort()];
  await using _pebble = await startPebble({ directory, port, httpPort, dnsPort, lifeSeconds: 6 });
  await using app = await startHttp(port, httpPort, ["mail.example.test"]);
  const isNew = (line: string) => line.includes("There is a new certificate");
  if (!app.log.some(isNew)) await app.nextLogged(isNew);
  await app.nextLogged(isNew);
});

test("a name that leads elsewhere is said to, and nothing else is tried with it at once", async (t) => {
  if (!hasPrograms(t, "pebble", "knotd")) return;
  const [port, httpPort] = [await freePort(), await freePort()];
  await using _pebble = await startPebble({ directory, port, httpPort, dnsPort });
  await using app = await startHttp(port, httpPort, [
    "mail.example.test",
    "elsewhere.example.test",
  ]);
  const isOver = (line: string) => line.includes("Cannot get a certificate");
  if (!app.log.some(isOver)) await app.nextLogged(isOver);
  assert.match(
    app.log.find(isOver) ?? "",
    /the ACME server could not see that elsewhere\.example\.test is this host: .*; its A and AAAA records must lead here, and port 80 must be open; the self-made certificate/,
  );
  assert.equal(app.log.filter(isOver).length, 1);
});

const isIssued = (line: string) => /There is a new certificate|Cannot get a certificate/.test(line);

test("without port 80 the names are proved in the handshake on 443, and others are served as before", async (t) => {
  if (!hasPrograms(t, "pebble", "knotd")) return;
  const [port, tlsPort] = [await freePort(), await freePort()];
  await using pebble = await startPebble({ directory, port, httpPort: 1, tlsPort, dnsPort });
  const names = ["mail.example.test", "autoconfig.example.test"];
  const more = 'challenge = "tls-alpn-01"';
  await using app = await startHttp(port, tlsPort, names, { tls: "implicit", more });
  if (!app.log.some(isIssued)) await app.nextLogged(isIssued);
  assert.match(app.log.find(isIssued) ?? "", /There is a new certificate for mail/);
  await eventually("the certificate is shown", async () => {
    return (await shownAt(tlsPort, pebble.root, "mail.example.test")).authorized;
  });
});

test("without any port the names are proved by records, also where an alias leads to, and they go again", async (t) => {
  if (!hasPrograms(t, "pebble", "knotd")) return;
  const port = await freePort();
  await using _pebble = await startPebble({ directory, port, httpPort: 1, dnsPort });
  const names = ["mail.example.test", "alias.example.test"];
  const keyFile = join(directory, "acme.key");
  await writeFile(keyFile, `hmac-sha256:acme.:${KEY}\n`);
  const more = `challenge = "dns-01"
dns_server = "127.0.0.1:${dnsPort}"
dns_key_file = "${keyFile}"
dns_wait_seconds = 0`;
  await using app = await startHttp(port, await freePort(), names, { more });
  if (!app.log.some(isIssued)) await app.nextLogged(isIssued);
  assert.match(app.log.find(isIssued) ?? "", /There is a new certificate for mail/);
  const resolver = createResolver({ servers: [`127.0.0.1:${dnsPort}`] });
  try {
    for (const name of ["_acme-challenge.mail.example.test", "proofs.example.test"]) {
      await assert.rejects(resolver.txt(name), /no record|does not exist|no such/i);
    }
  } finally {
    resolver.close();
  }
});
