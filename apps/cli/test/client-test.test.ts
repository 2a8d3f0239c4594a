import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { promisify, stripVTControlCharacters } from "node:util";
import {
  autoconfigXml,
  autodiscoverJson,
  autodiscoverXml,
  type ClientServer,
  mobileConfig,
  paccDocument,
} from "@posthouse/client-settings";
import { cmsSignedData, makeSelfSignedCertificate } from "@posthouse/service";
import qrcode from "qrcode";
import { testLogins } from "../src/client-test/login-tests.ts";
import { testSettings } from "../src/client-test/settings-tests.ts";

const address = "ann@example.org";
const domain = "example.org";
const hostname = "mail.example.org";
const servers: readonly ClientServer[] = [
  { protocol: "imap", host: hostname, port: 993, tls: "implicit" },
  { protocol: "smtp", host: hostname, port: 465, tls: "implicit" },
];

/** Its certificate is for all names that are right here, and not for example.org. */
const identity = makeSelfSignedCertificate({
  names: ["autoconfig", "autodiscover", "ua-auto-config", "mail"].map(
    (name) => `${name}.${domain}`,
  ),
  notBefore: new Date(Date.now() - 60_000),
  days: 2,
});
const tls = { cert: identity.certificate, key: identity.key };

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** What each address of a right host says; tests take some of it away. */
const rightAnswers = (): Map<string, { type?: string; body: string | Uint8Array }> => {
  const profile = Buffer.from(mobileConfig(address, servers) ?? "");
  return new Map<string, { type?: string; body: string | Uint8Array }>([
    [`autoconfig.${domain}/mail/config-v1.1.xml`, { body: autoconfigXml(domain, servers) }],
    [
      `autodiscover.${domain}/autodiscover/autodiscover.xml`,
      { body: autodiscoverXml(address, servers) },
    ],
    [
      `autodiscover.${domain}/autodiscover/autodiscover.json/v1.0/ann%40example.org`,
      { body: autodiscoverJson("AutodiscoverV1", `https://${hostname}/a.xml`).body },
    ],
    [
      `${hostname}/mobileconfig`,
      {
        type: "application/x-apple-aspen-config",
        body: cmsSignedData(profile, identity) ?? profile,
      },
    ],
    [
      `ua-auto-config.${domain}/.well-known/user-agent-configuration.json`,
      { body: paccDocument(domain, servers) ?? "" },
    ],
  ]);
};

describe("each program's steps", () => {
  let answers = rightAnswers();
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    const at = `${request.headers.host?.replace(/:\d+$/, "")}${request.url?.replace(/\?.*$/, "")}`;
    asked.push(at);
    const answer = answers.get(at);
    response.writeHead(answer === undefined ? 404 : 200, {
      "content-type": answer?.type ?? "text/xml",
    });
    response.end(answer?.body);
  };
  const web = createHttpsServer(tls, listener);
  let httpsPort = 0;

  before(async () => {
    httpsPort = await listening(web);
  });

  after(() => web.close());

  const play = async () => {
    asked.length = 0;
    const reach = { address: "127.0.0.1", httpsPort, httpPort: 1, ca: identity.certificate };
    const findings = await testSettings({ address, domain, hostname, servers, reach });
    return new Map(findings.map((finding) => [finding.id, finding]));
  };

  test("are good where this host answers as it would", async () => {
    answers = rightAnswers();
    const found = await play();
    const states = [...found].map(([id, { state }]) => `${id} ${state}`);
    assert.deepEqual(states, [
      "client thunderbird good",
      "client autodiscover-v1 good",
      "client autodiscover-v2 good",
      "client mobileconfig good",
      "client pacc good",
    ]);
    // Outlook asks the domain first, whose certificate is another's.
    assert.match(
      found.get("client autodiscover-v1")?.says ?? "",
      /finds its settings at autodiscover\.example\.org, after example\.org \(its certificate is for other names\)/,
    );
  });

  test("fail with the reason of each place, and the remedy of the first", async () => {
    answers = rightAnswers();
    answers.delete(`autoconfig.${domain}/mail/config-v1.1.xml`);
    answers.set(`ua-auto-config.${domain}/.well-known/user-agent-configuration.json`, {
      body: "{}",
    });
    answers.set(`${hostname}/mobileconfig`, {
      type: "application/x-apple-aspen-config",
      body: mobileConfig(address, servers) ?? "",
    });
    const found = await play();
    const { state, says = "", fix = "" } = found.get("client thunderbird") ?? {};
    assert.equal(state, "bad");
    assert.match(says, /autoconfig\.example\.org\/mail\/config-v1\.1\.xml: it answers 404; https:/);
    assert.match(says, /http:\/\/autoconfig\.example\.org\/\S+: nobody listens there/);
    assert.match(fix, /^Another web server answers for autoconfig\.example\.org/);
    // A profile without a signature, and a document that the DNS does not name.
    assert.equal(found.get("client mobileconfig")?.state, "bad");
    assert.equal(found.get("client pacc")?.state, "bad");
    assert.deepEqual(asked.slice(0, 1), [`autoconfig.${domain}/mail/config-v1.1.xml`]);
  });
});

describe("a login", () => {
  /** Says one line to each that comes; what is not named it does not know. */
  const speaking =
    (greeting: string, answers: ReadonlyMap<RegExp, string>) =>
    (socket: {
      write(text: string): unknown;
      on(event: string, listener: (octets: Buffer) => void): unknown;
    }) => {
      socket.write(`${greeting}\r\n`);
      socket.on("error", () => undefined);
      socket.on("data", (octets) => {
        const line = octets.toString();
        const [, answer = ""] = [...answers].find(([pattern]) => pattern.test(line)) ?? [];
        socket.write(answer);
      });
    };
  const imap = new Map([
    [/LOGIN "ann@example\.org" "a \\"b\\\\"/, "* CAPABILITY IMAP4rev1\r\nb OK in\r\n"],
    [/LOGIN/, "b NO [AUTHENTICATIONFAILED] Wrong user name or password\r\n"],
  ]);
  const secure = createTlsServer(tls, speaking("* OK ready", imap));
  const plain = createServer(speaking("220 ready", new Map([[/EHLO/, "250-a\r\n250 b\r\n"]])));
  let ports: readonly number[] = [];

  before(async () => {
    ports = [await listening(secure), await listening(plain)];
  });

  after(() => {
    secure.close();
    plain.close();
  });

  const at = (port = 0): ClientServer[] => [
    { protocol: "imap", host: hostname, port, tls: "implicit" },
  ];
  const reach = { reachAddress: "127.0.0.1", ca: identity.certificate };

  test("goes as a mail program's, and what the server refuses is told in its words", async () => {
    const [right] = await testLogins(at(ports[0]), { address, password: 'a "b\\', ...reach });
    assert.equal(right?.state, "good", right?.says);
    const [wrong] = await testLogins(at(ports[0]), { address, password: "no", ...reach });
    assert.equal(wrong?.state, "bad");
    assert.match(wrong?.says ?? "", /AUTHENTICATIONFAILED/);
    assert.match(wrong?.fix ?? "", /password is right/);
  });

  test("says so where the certificate is not believed, or nobody answers", async () => {
    const [untrusted] = await testLogins(at(ports[0]), {
      address,
      password: "no",
      reachAddress: "127.0.0.1",
    });
    assert.match(untrusted?.says ?? "", /its certificate is self-made/);
    const [nobody] = await testLogins(at(1), { address, password: "no", ...reach });
    assert.match(nobody?.says ?? "", /nobody listens there/);
  });

  test("does not send a password where STARTTLS is refused", async () => {
    const server = {
      protocol: "smtp",
      host: hostname,
      port: ports[1] ?? 0,
      tls: "starttls",
    } as const;
    const logins = testLogins([server], { address, password: "no", ...reach });
    plain.once("connection", (socket) =>
      socket.on("data", (octets: Buffer) => {
        if (octets.includes("STARTTLS")) socket.end("454 4.7.0 Not now\r\n");
      }),
    );
    const [refused] = await logins;
    assert.match(refused?.says ?? "", /454 4\.7\.0 Not now/);
  });
});

/** A foreign program, as in e2e/program.ts: left out unless all are to be met. */
const isLeftOut = process.env.POSTHOUSE_FOREIGN ? false : "it meets zbarimg";

test("a camera reads the QR code of a profile", { skip: isLeftOut }, async () => {
  const run = promisify(execFile);
  const url =
    "https://mail.example.org/mobileconfig?address=somebody.with.a.long.name%40example.org";
  const { qrCode } = await import("../src/qr-code.ts");
  const drawn = await qrCode(url);
  // The drawing's own blocks, as a picture: each character is two modules, one above the other.
  const rows = drawn
    .split("\n")
    .map((line) => stripVTControlCharacters(line))
    .flatMap((line) => [
      line.split("").map((one) => (one === "█" || one === "▀" ? 1 : 0)),
      line.split("").map((one) => (one === "█" || one === "▄" ? 1 : 0)),
    ]);
  const width = Math.max(...rows.map(({ length }) => length));
  const zoom = 4;
  const pixels = rows.flatMap((row) => {
    const wide = Array.from({ length: width * zoom }, (_, x) => row[Math.floor(x / zoom)] ?? 0);
    return Array.from({ length: zoom }, () => wide.join(" "));
  });
  const directory = await mkdtemp(join(tmpdir(), "qr-"));
  try {
    const picture = join(directory, "code.pbm");
    await writeFile(picture, `P1\n${width * zoom} ${rows.length * zoom}\n${pixels.join("\n")}\n`);
    const { stdout } = await run("zbarimg", ["--quiet", "--raw", picture]);
    assert.equal(stdout.trim(), url);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  assert.equal(qrcode.create(url, { errorCorrectionLevel: "M" }).errorCorrectionLevel.bit, 0);
});
