import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { posthouse } from "./posthouse.ts";
import { hasPrograms, run } from "./program.ts";
import { startSuite } from "./suite.ts";

const ALICE = "alice@example.test";
const cli = join(import.meta.dirname, "..", "apps", "cli", "src", "main.ts");
const usualPorts = {
  imap: 143,
  imaps: 993,
  pop3: 110,
  pop3s: 995,
  submission: 587,
  submissions: 465,
  http: 80,
  https: 443,
} as const;

/** Python's own readers, which take nothing that is not well formed. */
const readings = {
  xml: "import sys, xml.dom.minidom as d; d.parseString(sys.stdin.buffer.read())",
  plist:
    "import sys, json, plistlib; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())['PayloadContent'][0]))",
} as const;

async function readBy(reading: keyof typeof readings, text: string): Promise<string> {
  const { code, stdout, stderr } = await run("python3", ["-c", readings[reading]], { input: text });
  assert.equal(code, 0, `${stderr}\n${text}`);
  return stdout;
}

test("mail programs find their settings, and other hosts the policy of MTA-STS", async (t) => {
  if (!hasPrograms(t, "curl", "openssl", "python3")) return;
  await using suite = await startSuite();
  const port = suite.portOf("https");
  /** As a program asks that believes the DNS, and any certificate. */
  const asked = async (host: string, path: string, ...more: string[]) => {
    const { stdout } = await run("curl", [
      "--silent",
      "--insecure",
      "--resolve",
      `${host}:${port}:127.0.0.1`,
      "--write-out",
      "\n%{http_code}",
      ...more,
      `https://${host}:${port}${path}`,
    ]);
    const end = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
  };

  for (const [host, path] of [
    ["autoconfig.example.test", "/mail/config-v1.1.xml?emailaddress=alice%40example.test"],
    ["example.test", "/.well-known/autoconfig/mail/config-v1.1.xml"],
  ] as const) {
    const { status, body } = await asked(host, path);
    assert.equal(status, 200, body);
    await readBy("xml", body);
    assert.match(body, new RegExp(`<port>${suite.portOf("imaps")}</port>\\s*<socketType>SSL<`));
    assert.match(
      body,
      new RegExp(`<port>${suite.portOf("submissions")}</port>\\s*<socketType>SSL<`),
    );
  }
  assert.equal((await asked("autoconfig.example.net", "/mail/config-v1.1.xml")).status, 404);

  const outlook = await asked(
    "autodiscover.example.test",
    "/Autodiscover/Autodiscover.xml",
    "--header",
    "Content-Type: text/xml",
    "--data",
    "<Autodiscover><Request><EMailAddress>alice@example.test</EMailAddress></Request></Autodiscover>",
  );
  assert.equal(outlook.status, 200, outlook.body);
  await readBy("xml", outlook.body);
  assert.match(outlook.body, /<LoginName>alice@example\.test</);

  const profile = join(suite.directory, "profile.der");
  const asking = "/mobileconfig?address=alice%40example.test";
  assert.equal((await asked("mail.example.test", asking, "--output", profile)).status, 200);
  // Signed by the host, whose certificate is self-made here.
  const certificate = join(suite.directory, "state", "tls", "self-signed.pem");
  const verifying = ["cms", "-verify", "-inform", "DER", "-in", profile, "-CAfile", certificate];
  const content = await run("openssl", [...verifying, "-binary", "-purpose", "any"]);
  assert.equal(content.code, 0, content.stderr);
  const account = JSON.parse(await readBy("plist", content.stdout));
  assert.equal(account.IncomingMailServerPortNumber, suite.portOf("imaps"));
  assert.equal(account.OutgoingMailServerPortNumber, suite.portOf("submissions"));
  // Nobody learns who has an account.
  assert.equal(
    (await asked("mail.example.test", "/mobileconfig?address=no%40example.test")).status,
    200,
  );

  const policy = await asked("mta-sts.example.test", "/.well-known/mta-sts.txt");
  assert.equal(policy.status, 200);
  assert.match(policy.body, /^version: STSv1\r\nmode: testing\r\nmx: mail\.example\.test\r\n/);

  // As mail programs do it, with the ports that the trial has: the certificate is not for all its names.
  const toml = join(suite.directory, "with-ports.toml");
  const here = await readFile(join(suite.directory, "posthouse.toml"), "utf8");
  const ports = new Map<number, number>(
    (["imap", "imaps", "pop3", "pop3s", "submission", "submissions", "http", "https"] as const).map(
      (name) => [usualPorts[name], suite.portOf(name)],
    ),
  );
  await writeFile(
    toml,
    here.replaceAll(
      /port = (\d+)/g,
      (text, port) => `port = ${ports.get(Number(port)) ?? text.slice(7)}`,
    ),
  );
  const tested = await run(
    process.execPath,
    [cli, "client", ALICE, "--test", "--login", "--here", "--config", toml],
    {
      input: "posthouse\n",
      env: { NODE_EXTRA_CA_CERTS: certificate },
    },
  );
  assert.equal(tested.code, 2, tested.stderr);
  assert.match(tested.stdout, /ok {2}iPhone, iPad, Mac finds its settings at mail\.example\.test/);
  assert.match(
    tested.stdout,
    /! {3}Thunderbird.* at http:\/\/autoconfig\.example\.test, after .*\(its certificate is for other names\)/,
  );
  assert.match(tested.stdout, /-> Get a certificate for autoconfig\.example\.test/);
  for (const name of ["IMAP", "POP3", "SMTP"]) {
    for (const tls of ["implicit", "starttls"]) {
      assert.match(
        tested.stdout,
        new RegExp(`ok {2}${name} at .*\\(${tls}\\): ${ALICE} is logged in`),
      );
    }
  }

  const at = ["--data", suite.directory];
  const told = await posthouse("client", "alice@example.test", ...at);
  assert.equal(told.code, 0, told.stderr);
  const imaps = suite.portOf("imaps");
  assert.match(told.stdout, new RegExp(`imap +mail\\.example\\.test +${imaps} +implicit`));
  assert.match(told.stdout, new RegExp(`_imaps\\._tcp\\.\\S+ +SRV +0 1 ${imaps} mail\\.`));
  const standard = await posthouse("client", "alice@example.test", "--port-offset", "0", ...at);
  assert.match(standard.stdout, /imap +mail\.example\.test +993 +implicit/);
  const foreign = await posthouse("client", "alice@example.net", ...at);
  assert.equal(foreign.code, 1);
  assert.match(foreign.stderr, /No mail for example\.net is kept here/);
});
