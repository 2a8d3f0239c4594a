import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { TEST_TOML } from "@posthouse/service";
import { startImapServer } from "./imap-server.ts";

const run = promisify(execFile);
const hasGsasl = await run("gsasl", ["--version"]).then(
  () => true,
  () => false,
);

test("GNU SASL logs in by every mechanism with a password, bound to TLS where the name says so", {
  skip: !hasGsasl && "gsasl is not installed",
}, async () => {
  const toml = TEST_TOML.replace("[auth]\n", "[auth]\nscram_sha1 = true\n");
  await using server = await startImapServer({ toml });
  const gsasl = async (mechanism: string, password: string): Promise<string> => {
    const who = ["--authentication-id", "ann", "--authorization-id", "ann"];
    const where = ["--imap", "--connect", `127.0.0.1:${server.port}`, "--x509-ca-file", ""];
    // Without it, it looks for a binding that only the other mechanisms have.
    const binding = mechanism.endsWith("-PLUS") ? [] : ["--no-cb"];
    const child = run("gsasl", [
      ...where,
      ...who,
      "--password",
      password,
      "-m",
      mechanism,
      ...binding,
    ]);
    child.child.stdin?.end();
    const { stdout } = await child.catch((error: { stdout: string }) => error);
    return stdout;
  };
  const plus = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"];
  for (const mechanism of [...plus, "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"]) {
    assert.match(await gsasl(mechanism, "secret"), / OK \[CAPABILITY .*\] Logged in/, mechanism);
  }
  assert.match(await gsasl("SCRAM-SHA-256-PLUS", "wrong"), / NO \[AUTHENTICATIONFAILED\]/);
});
