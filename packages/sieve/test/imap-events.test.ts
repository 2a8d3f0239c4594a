import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  compileScript,
  imapEventExtensions,
  type RunResult,
  runScripts,
  SieveRunError,
  SieveScriptError,
  sourceOfOctets,
} from "../src/index.ts";
import { describe as inWords, octetsOf, plainMessage } from "./sieve-run.ts";

/** Scripts that IMAP starts (RFC 6785): without an envelope, and without what answers a delivery. */
interface Started {
  readonly cause?: string;
  readonly mailbox?: string;
  readonly changedFlags?: string;
  readonly flags?: readonly string[];
}

async function start(script: string, started: Started = {}): Promise<RunResult> {
  const options = { extensions: imapEventExtensions };
  return await runScripts(
    [compileScript(octetsOf(script), options)],
    sourceOfOctets(octetsOf(plainMessage)),
    {
      envelope: undefined,
      now: { ms: 0, offsetMinutes: 0 },
      environment: new Map([
        ["imap.cause", started.cause ?? "APPEND"],
        ["imap.mailbox", started.mailbox ?? "INBOX"],
        ["imap.changedflags", started.changedFlags ?? ""],
      ]),
      flags: started.flags ?? [],
    },
    { compile: (included) => compileScript(included, options) },
  );
}

const decided = async (script: string, started?: Started) =>
  (await start(script, started)).actions.map(inWords);

describe("RFC 6785", () => {
  test("§5: example 1, a copy of what comes into one mailbox", async () => {
    const script = `require ["copy", "environment", "imapsieve"];
      if anyof (environment :is "imap.cause" "APPEND",
                environment :is "imap.cause" "COPY")  {
          if environment :is "imap.mailbox" "ActionItems" {
              redirect :copy "actionitems@example.com";
          }
      }`;
    const both = ["redirect actionitems@example.com", "implicit keep"];
    assert.deepEqual(await decided(script, { mailbox: "ActionItems" }), both);
    assert.deepEqual(await decided(script, { cause: "COPY", mailbox: "ActionItems" }), both);
    assert.deepEqual(await decided(script, { mailbox: "Other" }), ["implicit keep"]);
    const flag = { cause: "FLAG", mailbox: "ActionItems" };
    assert.deepEqual(await decided(script, flag), ["implicit keep"]);
  });

  test("§5: example 2, a message that somebody flags, with mailto for xmpp", async () => {
    const script = `require ["enotify", "imap4flags", "variables", "environment", "imapsieve"];
      if environment :matches "imap.mailbox" "*" { set "mailbox" "\${1}"; }
      if allof (hasflag "\\\\Flagged",
                environment :contains "imap.changedflags" "\\\\Flagged") {
        notify :message "Important message in \${mailbox}" "mailto:tim@example.com";
      }`;
    const flags = ["\\Flagged", "\\Seen"];
    const flag = { cause: "FLAG", flags, mailbox: "Work" };
    const notified = "notify mailto:tim@example.com Important message in Work";
    const kept = "implicit keep \\Flagged \\Seen";
    assert.deepEqual(await decided(script, { ...flag, changedFlags: "\\Flagged" }), [
      notified,
      kept,
    ]);
    assert.deepEqual(await decided(script, { ...flag, changedFlags: "\\Seen" }), [kept]);
  });

  test("§3.3: fileinto INBOX makes another message beside the one that is kept there", async () => {
    const script = 'require ["fileinto", "imapsieve"]; keep; fileinto "INBOX";';
    assert.deepEqual(await decided(script), ["keep", "fileinto INBOX"]);
  });

  for (const name of ["reject", "ereject", "vacation", "vacation-seconds"]) {
    test(`§3.11: ${name} cannot be required`, async () => {
      await assert.rejects(start(`require ["imapsieve", "${name}"];`), (error: unknown) => {
        assert.ok(error instanceof SieveScriptError);
        assert.match(error.message, new RegExp(`"${name}" can only be used at delivery`));
        return true;
      });
    });
  }

  test("§4.6: a test of the envelope is an error when it is run", async () => {
    const script = 'require ["envelope", "imapsieve"]; if envelope "from" "a@b" { discard; }';
    await assert.rejects(start(script), SieveRunError);
  });

  test("§2.1: environment has to be required as well", () => {
    const script = octetsOf('require "imapsieve"; if environment "imap.user" "ann" { keep; }');
    assert.throws(() => compileScript(script), SieveScriptError);
  });
});
