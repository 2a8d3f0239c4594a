import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startImapServer } from "./imap-server.ts";

const run = promisify(execFile);
const hasCurl = await run("curl", ["--version"]).then(
  ({ stdout }) => /\bimaps\b/.test(stdout),
  () => false,
);

test("curl uploads, reads and searches", {
  skip: !hasCurl && "curl is not installed",
}, async () => {
  await using server = await startImapServer();
  const message = "From: ann@example.org\r\nSubject: by curl\r\n\r\nhello\r\n";
  const file = join(server.context.config.paths.tmp, "message.eml");
  await writeFile(file, message);
  const curl = async (...args: string[]): Promise<string> =>
    (await run("curl", ["--silent", "--show-error", "--insecure", "--user", "ann:secret", ...args]))
      .stdout;
  const imaps = `imaps://127.0.0.1:${server.tlsPort}`;

  await curl("--upload-file", file, `${imaps}/Sent`);
  assert.equal(await curl(`${imaps}/Sent;UID=1`), message);
  assert.match(await curl(`${imaps}/Sent?SUBJECT%20curl`), /^\* SEARCH 1\r\n/);
  const overStartTls = await curl("--ssl-reqd", `imap://127.0.0.1:${server.port}/`);
  assert.match(overStartTls, /"\/" "INBOX"/);
});
