import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { compileScript, SieveScriptError } from "../packages/sieve/src/index.ts";
import { messageOf, octetsOf, runTest } from "../packages/sieve/test/sieve-run.ts";
import { madeMessage } from "./made-messages.ts";
import { run, whatIsMissing } from "./program.ts";

/**
 * The same scripts over the same messages here and in Debian's Pigeonhole. A script is a long row of
 * tests, each of which sets a flag of its own where it holds: so one run of its program answers sixty.
 */
const requires = [
  "imap4flags",
  "envelope",
  "relational",
  "variables",
  "subaddress",
  "body",
  "date",
  "index",
  "regex",
  "mime",
  "comparator-i;ascii-numeric",
];

const tests = [
  'header :contains "subject" "a"',
  'header :is "subject" ""',
  'header :matches "subject" "*e*"',
  'header :matches :comparator "i;octet" "subject" "?*E*"',
  'header :contains ["from", "to", "cc"] "example"',
  'header :regex "subject" "[[:digit:]]{2,}"',
  'header :regex "subject" "^[^a-f]*(re|fwd):?"',
  'header :regex ["from", "to"] "<?([a-z.]+)@([a-z.]+)>?$"',
  'header :count "ge" :comparator "i;ascii-numeric" ["received", "to"] "1"',
  'header :value "gt" "subject" "m"',
  'header :value "le" :comparator "i;ascii-numeric" "x-priority" "3"',
  'header :index 1 :contains "received" "from"',
  'header :index 1 :last :contains "received" "from"',
  'address :all :contains "from" "@"',
  'address :localpart :matches "from" "a*"',
  'address :domain :is "to" "example.org"',
  'address :user "to" "ann"',
  'address :detail :matches "to" "*"',
  'address :count "gt" :comparator "i;ascii-numeric" ["to", "cc"] "1"',
  'exists "subject"',
  'exists ["from", "to", "date"]',
  'exists "content-type"',
  "size :over 1K",
  "size :under 500",
  'envelope "from" "bob@remote.example"',
  'envelope :detail "to" "lists"',
  'envelope :user "to" "ann"',
  'not header :contains "to" "x"',
  'allof (exists "from", exists "subject")',
  'anyof (header :contains "subject" "q", size :over 700)',
  'date :originalzone "date" "year" ["2005", "2020", "2024", "2026"]',
  'date :zone "+0000" :matches "date" "iso8601" "*T1*"',
  'date :originalzone :matches "date" "zone" "+*"',
  'date :zone "+0200" :value "ge" "date" "hour" "12"',
  'date :zone "+0000" "date" "weekday" ["1", "2", "3"]',
  'date :zone "-0330" :matches "date" "std11" "Mon,*"',
  'date :zone "+0000" :value "gt" :comparator "i;ascii-numeric" "date" "julian" "54000"',
  'body :raw :contains "the"',
  'body :contains "e"',
  'body :content "text/plain" :contains "a"',
  'string :matches "abcabc" "*c"',
  'string :count "eq" :comparator "i;ascii-numeric" ["", "a", "b"] "2"',
  'string :value "lt" :comparator "i;ascii-numeric" "9" "10"',
  'string :regex "a+b" "^a\\\\+b$"',
  'string :regex "axbc" "(a|ax)(bc|xbc)"',
  'string :regex "tel: 0123" "[^[:alpha:]]+ ?[0-9]*$"',
  'string :regex "x]y-z" "^[]x-]+"',
  'string :matches "a*b" "a\\\\*b"',
  'header :mime :anychild :type "content-type" "image"',
  'header :mime :subtype "content-type" "plain"',
  'header :mime :contenttype "content-type" "multipart/mixed"',
  'header :mime :anychild :param "name" :contains "content-type" "."',
  'exists :mime :anychild "content-disposition"',
];

const script = [
  `require ${JSON.stringify(requires)};`,
  ...tests.map((one, at) => `if ${one} { addflag "t${at}"; }`),
].join("\n");

const small = [
  messageOf(
    "From: a@example.org",
    "To: ann+lists@example.org, b@example.org",
    "Subject: Re: 42",
    "Date: Mon, 6 Jul 2026 23:30:00 -0330",
    "X-Priority: 2",
    "",
    "the text",
  ),
  messageOf(
    'From: "A. B" <a.b@example.org> (c)',
    "To: undisclosed-recipients:;",
    "Subject:",
    "",
    "",
  ),
  messageOf(
    "From: =?utf-8?q?J=C3=B6rg?= <j@remote.example>",
    "To: Ann <ANN+X@Example.ORG>",
    "Subject: =?utf-8?b?R3LDvMOfZQ==?= =?utf-8?q?_aus?=",
    "Date: 1 Jan 2005 00:00:00 GMT",
    "Received: from x by y; Thu, 1 Jan 2005 00:00:01 +0000",
    "Received: by z; Thu, 1 Jan 2005 00:00:02 +0000",
    'Cc: (comment) <q@r.example>, "quoted, comma" <s@t.example>',
    "",
    "e",
  ),
  messageOf("Subject: folded", " over lines 12", "From: <x@y.example>", "", "body"),
];
const messages = [
  ...small,
  ...Array.from({ length: 24 }, (_, seed) => madeMessage(seed + 1).toString("latin1")),
];

/**
 * Made messages that nobody should send, and what each program makes of them. There the address, body
 * and mime tests are left out: Posthouse finds the addresses that can be read in a broken list, and takes
 * a multipart without parts, or without a type, for the text that it is (packages/message).
 */
const broken: ReadonlyMap<number, string> = new Map([
  [5, "an angle bracket that is not closed"],
  [7, "a Content-Type without a type"],
  [11, "an address list with empty places, a multipart without parts"],
  [15, "a multipart without parts"],
  [17, "an angle bracket that is not closed, a multipart without parts"],
  [21, "an angle bracket that is not closed"],
  [25, "a group that is not closed, an unknown transfer encoding"],
  [27, "an angle bracket that is not closed"],
]);

describe("filters here and in Pigeonhole", { skip: whatIsMissing("sieve-test") ?? false }, () => {
  test("the same tests hold for the same messages", async () => {
    await using place = await Place.make();
    const differences: string[] = [];
    for (const [index, message] of messages.entries()) {
      const [theirs, ours] = await Promise.all([place.flags(message), ourFlags(message)]);
      for (const [at, one] of tests.entries()) {
        const flag = `t${at}`;
        if (broken.has(index) && /^(?:address|body|\w+ :mime)/.test(one)) continue;
        if (theirs.has(flag) === ours.has(flag)) continue;
        differences.push(
          `${one} is ${ours.has(flag)} here, ${theirs.has(flag)} there:\nmessage ${index}`,
        );
      }
    }
    assert.deepEqual(differences, []);
  });

  test("the same scripts have errors", async () => {
    await using place = await Place.make();
    for (const text of [...good, ...bad]) {
      const ours = isCompiled(text);
      assert.equal(ours, good.includes(text), `here: ${text}`);
      assert.equal(await place.isCompiled(text), ours, `there: ${text}`);
    }
  });
});

const good = [
  "",
  "# nothing",
  "/* a */ keep; stop;",
  'require ["fileinto", "copy"]; fileinto :copy "a";',
  "if anyof(true, not false) { discard; } elsif true { keep; } else { stop; }",
  'require "vacation"; vacation :days 3 :subject "s" text:\nHello\n..dot\n.\n;',
  'require ["variables"]; set :lower :length "a" "b";',
  "if size :over 10M { discard; }",
  'require "relational"; if header :count "gt" "to" "3" { keep; }',
  'require "editheader"; addheader :last "X-A" "b"; deleteheader :index 2 :last "X-A";',
  'require ["foreverypart", "mime"]; foreverypart :name "a" { foreverypart { break :name "a"; } }',
];

const bad = [
  "keep",
  "keep;;",
  "if true keep;",
  "if { keep; }",
  'fileinto "x";',
  'require "fileinto"; fileinto;',
  'require "fileinto"; fileinto 3;',
  'require "fileinto"; fileinto :flags "a" "x";',
  'require "none-such";',
  'keep; require "fileinto";',
  "else { keep; }",
  'if header :is :is "a" "b" { keep; }',
  "if size :over :under 3 { keep; }",
  "if size 3 { keep; }",
  'if header :comparator "i;ascii-numeric" "a" "1" { keep; }',
  'redirect "x";',
  "stop 1;",
  "/* no end",
  'keep "no end;',
  'require "variables"; set "1a" "b";',
  'require "variables"; set :lower :upper "a" "b";',
  'require "regex"; if header :regex "a" "(" { keep; }',
  "break;",
  'require "foreverypart"; break;',
];

async function ourFlags(message: string): Promise<ReadonlySet<string>> {
  const surroundings = { envelope: { from: "bob@remote.example", to: "ann+lists@example.org" } };
  const octets = Uint8Array.from(Buffer.from(message, "latin1"));
  const { actions } = await runTest(script, { octets, surroundings });
  const [keep] = actions;
  return new Set(keep?.kind === "keep" ? keep.flags : []);
}

function isCompiled(text: string): boolean {
  try {
    compileScript(octetsOf(text));
    return true;
  } catch (error) {
    assert.ok(error instanceof SieveScriptError);
    return false;
  }
}

/** A folder with a configuration of theirs. */
class Place implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "posthouse-sieve-"));
    await mkdir(join(folder, "home"), { mode: 0o777 });
    await chmod(folder, 0o777);
    const uid = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
    await writeFile(
      join(folder, "dovecot.conf"),
      `mail_uid = ${uid}\nmail_gid = ${uid}\nfirst_valid_uid = 0\nfirst_valid_gid = 0\n` +
        `mail_location = maildir:${folder}/home/Maildir\nlog_path = /dev/stderr\n` +
        "recipient_delimiter = +\nplugin {\n  sieve_extensions = +editheader +spamtest +virustest\n}\n",
    );
    await writeFile(join(folder, "tests.sieve"), script);
    return new Place(folder);
  }

  async flags(message: string): Promise<ReadonlySet<string>> {
    await writeFile(join(this.#folder, "message"), message, "latin1");
    const { stdout, stderr } = await this.#run("tests.sieve");
    assert.match(stdout, /Implicit keep:/, stderr);
    return new Set(/add IMAP flags: (.*)/.exec(stdout)?.[1]?.split(" "));
  }

  async isCompiled(text: string): Promise<boolean> {
    await writeFile(join(this.#folder, "one.sieve"), text);
    await writeFile(join(this.#folder, "message"), small[0] ?? "");
    const { stdout, stderr } = await this.#run("one.sieve");
    if (/Implicit keep:/.test(stdout)) return true;
    assert.match(stderr, /failed to compile|runtime error|failed to run/i);
    return !/failed to compile/.test(stderr);
  }

  #run(name: string) {
    const addresses = [
      "-f",
      "bob@remote.example",
      "-a",
      "ann+lists@example.org",
      "-r",
      "ann+lists@example.org",
    ];
    return run("sieve-test", ["-c", "dovecot.conf", ...addresses, name, "message"], {
      cwd: this.#folder,
      env: { ...process.env, HOME: join(this.#folder, "home") },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
