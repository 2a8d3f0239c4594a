import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  clamdFilter,
  type Filter,
  type FilterVerdict,
  milterFilter,
  parseEndpoint,
  rspamdFilter,
  runFilters,
} from "@posthouse/filters";
import { freePort } from "@posthouse/test-tools";
import {
  type FilterPeer,
  MALICIOUS,
  startClamavMilter,
  startClamd,
  startOpendkim,
  startPythonMilter,
  startRspamd,
} from "./filter-peers.ts";
import { whatIsMissing } from "./program.ts";

const skip = whatIsMissing("clamd", "clamav-milter", "rspamd", "opendkim") ?? false;

/** The generic test for unsolicited bulk email, in two pieces: every filter that sees it whole knows it. */
const GTUBE = `${"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE"}-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X`;

async function verdictOn(
  filter: Filter,
  { subject = "Hello", body = "Hello." }: { readonly subject?: string; readonly body?: string },
): Promise<FilterVerdict & { readonly failure?: Error }> {
  const message = Buffer.from(
    `From: <sam@remote.example>\r\nTo: <ann@example.test>,\r\n\t<bob@example.test>\r\nSubject: ${subject}\r\n\r\n${body}\r\n`,
  );
  const [result] = await runFilters([{ filter, timeoutMs: 30_000, onFailure: "junk" }], {
    messageId: "1m8jgqzywhkv39pz7",
    hostname: "mail.example.test",
    clientAddress: "192.0.2.1",
    clientName: "out.remote.example",
    helo: "out.remote.example",
    reversePath: "sam@remote.example",
    recipients: ["ann@example.test", "bob@example.test"],
    tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
    async *octets() {
      for (let at = 0; at < message.length; at += 60_000) yield message.subarray(at, at + 60_000);
    },
  });
  assert.ok(result);
  const { verdict, failure } = result;
  return failure === undefined ? verdict : { ...verdict, failure };
}

describe("filters of Debian", { skip }, () => {
  let directory: string;
  const peers: FilterPeer[] = [];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "posthouse-filters-"));
    const [clamd, opendkim, python, rspamd] = await Promise.all([
      startClamd(directory),
      startOpendkim(directory),
      startPythonMilter(directory),
      startRspamd(directory, await freePort()),
    ]);
    peers.push(clamd, opendkim, python, rspamd, await startClamavMilter(directory, clamd.at));
  });
  after(async () => {
    await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
    await rm(directory, { recursive: true, force: true });
  });

  const at = (index: number) => {
    const endpoint = parseEndpoint(peers[index]?.at ?? "");
    assert.ok(endpoint);
    return endpoint;
  };
  const clamd = () => clamdFilter({ name: "clamd", endpoint: at(0), whenFound: "reject" });
  const milter = (index: number) =>
    milterFilter({ name: "milter", endpoint: at(index), whenFound: "reject" });
  const python = () => milter(2);
  const rspamd = () => rspamdFilter({ name: "rspamd", endpoint: at(3), whenFound: "reject" });
  const big = "x".repeat(70).concat("\r\n").repeat(5000);

  test("clamd takes what is harmless, also in many pieces", async () => {
    assert.equal((await verdictOn(clamd(), { body: big })).action, "accept");
  });

  test("clamd finds what is not", async () => {
    const verdict = await verdictOn(clamd(), { body: `${big}${MALICIOUS}` });
    assert.equal(verdict.action, "reject");
    assert.match(verdict.reason, /^found Posthouse\.Test/);
  });

  test("clamd's policy counts for a message larger than it takes", async () => {
    const { action, failure } = await verdictOn(clamd(), { body: big.repeat(10) });
    assert.equal(action, "junk");
    assert.match(String(failure), /clamd/);
  });

  test("clamav-milter refuses what clamd finds, and marks the rest", async () => {
    const clean = await verdictOn(milter(4), {});
    assert.equal(clean.action, "accept");
    assert.match(JSON.stringify("fields" in clean && clean.fields), /X-Virus-Status.*Clean/);
    assert.equal((await verdictOn(milter(4), { body: MALICIOUS })).action, "reject");
  });

  test("opendkim adds what it sees", async () => {
    const verdict = await verdictOn(milter(1), {});
    assert.equal(verdict.action, "accept", verdict.reason);
    assert.match(JSON.stringify(verdict), /Authentication-Results.*opendkim\.example\.test/);
  });

  test("rspamd takes mail, and refuses the test for spam", async () => {
    const verdict = await verdictOn(rspamd(), {});
    assert.equal(verdict.action, "accept", String(verdict.failure));
    assert.match(verdict.reason, /^no action, score /);
    const spam = await verdictOn(rspamd(), { body: GTUBE });
    assert.equal(spam.action, "reject");
    assert.match("reply" in spam ? spam.reply.text : "", /Gtube/);
  });

  test("a milter is told all of the session, and its field comes back", async () => {
    const verdict = await verdictOn(python(), { body: big });
    assert.equal(verdict.action, "accept", String(verdict.failure));
    assert.deepEqual("fields" in verdict && verdict.fields, [
      {
        name: "X-Told",
        value: `connect out.remote.example 192.0.2.1; helo out.remote.example; mail <sam@remote.example> as 1m8jgqzywhkv39pz7; rcpt <ann@example.test>; rcpt <bob@example.test>; field From; field To; field Subject; body ${big.length + 2}`,
      },
    ]);
  });

  const endings = [
    { subject: "hold", action: "quarantine", reason: "holds it: the subject says so" },
    { subject: "refuse", action: "reject", reason: "refuses it: No, thank you" },
    { subject: "later", action: "tempfail", reason: "asks to come again" },
    { subject: "throw away", action: "quarantine", reason: "would throw it away" },
  ];
  for (const { subject, action, reason } of endings) {
    test(`a milter that says "${subject}" is ${action}`, async () => {
      const verdict = await verdictOn(python(), { subject });
      assert.equal(verdict.action, action);
      assert.equal(verdict.reason, reason);
    });
  }

  test("a milter's own reply is what the sender is told", async () => {
    const verdict = await verdictOn(python(), { subject: "refuse" });
    assert.deepEqual("reply" in verdict && verdict.reply, {
      code: 554,
      enhanced: "5.7.9",
      text: "No, thank you",
    });
  });
});
