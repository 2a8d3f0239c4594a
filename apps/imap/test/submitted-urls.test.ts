import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchMessageUrl, UrlServerUnavailable } from "@posthouse/message-urls";
import { parseTranscript, playTranscript } from "@posthouse/transcript";
import { startImapServer } from "./imap-server.ts";

const OF_ANN = "imap://ann%40example.org@mail.example.test";

test("what was signed for submission is given to whom it names, and to nobody without a signature", async () => {
  await using server = await startImapServer();
  const { urlSocketPath } = server.context.config.imap;
  const url = `${OF_ANN}/Drafts/;UID=1`;
  const values = await playTranscript(
    parseTranscript(`
S: * OK $*
C: a1 LOGIN ann secret
S: a1 OK $*
C: a2 APPEND "Drafts" {33+}
C: Subject: draft
C:
C: all the words
C:
S: a2 OK $*
C: a3 GENURLAUTH "${url};URLAUTH=submit+Ann%40example.org" INTERNAL "${url}/;SECTION=TEXT;URLAUTH=authuser" INTERNAL
S: * GENURLAUTH "$submit" "$anybody"
S: a3 OK $*
C: a4 GENURLAUTH "${url};EXPIRE=2001-01-01T00:00:00Z;URLAUTH=submit+ann%40example.org" INTERNAL "${url};URLAUTH=user+ann%40example.org" INTERNAL
S: * GENURLAUTH "$over" "$reader"
S: a4 OK $*
`),
    server,
  );
  const fetched = async (name: string, account = "ann@example.org") => {
    const shown = values.get(name) ?? name;
    const answer = await fetchMessageUrl({ url: shown, account }, { socketPath: urlSocketPath });
    if (answer.kind === "refused") return answer.why;
    await using found = answer;
    const octets = Buffer.concat(await Array.fromAsync(found.octets));
    assert.equal(octets.length, found.lengthBytes);
    return octets.toString();
  };
  assert.equal(await fetched("submit"), "Subject: draft\r\n\r\nall the words\r\n");
  assert.equal(await fetched("submit", "bob@example.org"), "not-for-you");
  assert.equal(await fetched("anybody", "bob@example.org"), "all the words\r\n");
  assert.equal(await fetched("over"), "not-there");
  assert.equal(await fetched("reader"), "not-for-you");
  assert.equal(await fetched(`${url};URLAUTH=submit+ann%40example.org`), "not-there");
  assert.equal(await fetched(url), "not-for-you");
  assert.equal(await fetched("no URL at all"), "not-there");
  const forged = (values.get("submit") ?? "").replace(/.$/, (end) => (end === "0" ? "1" : "0"));
  assert.equal(await fetched(forged), "not-there");
});

test("without imap there is no answer", async () => {
  const socketPath = "/nowhere/imap-urls.sock";
  const asked = fetchMessageUrl({ url: OF_ANN, account: "ann@example.org" }, { socketPath });
  await assert.rejects(asked, UrlServerUnavailable);
});
