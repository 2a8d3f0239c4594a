import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Surroundings } from "../src/index.ts";
import { SieveRunError, SieveScriptError } from "../src/index.ts";
import { decide, holds, messageOf, octetsOf, octetsOfPieces, runTest } from "./sieve-run.ts";

/** Each extension with the examples of its own standard: [name, requires, test or script, expected]. */
const message = messageOf(
  "Received: from x by y; Mon, 26 Feb 2007 15:00:00 +0000",
  "Received: from z by x; Mon, 26 Feb 2007 08:59:59 -0500",
  "From: Coyote <coyote+tag@desert.example.org>",
  'To: roadrunner@acme.example.com, "Bird" <ken+sieve@example.org>',
  "Cc: coyote@ACME.Example.COM",
  "Subject: [acme-users] [fwd] version 1.0 is out",
  "List-Id: Knitting Mailing List <knitting.example.com>",
  "Date: Tue, 1 Apr 1997 09:06:31 -0800",
  "Message-ID: <1@desert.example.org>",
  "MIME-Version: 1.0",
  'Content-Type: multipart/mixed; boundary="b"',
  "",
  "preamble MAKE MONEY",
  "--b",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "missile gr=C3=BC=C3=9Fe",
  "--b",
  'Content-Type: image/png; name="picture.png"',
  'Content-Disposition: attachment; filename="setup.exe"',
  "Content-Transfer-Encoding: base64",
  "",
  "AAAA",
  "--b--",
);

const surroundings: Partial<Surroundings> = {
  envelope: {
    from: "tim@example.com",
    to: "ken+sieve@example.org",
    auth: "tim@example.com",
    notify: "FAILURE",
    ret: "HDRS",
  },
  environment: new Map([
    ["host", "mail.example.org"],
    ["phase", "during"],
  ]),
  mailboxes: {
    exists: (name) => name === "Partners",
    existsId: (id) => id === "F6352ae03-b7f5-463c-896f-d8b48ee3",
    hasSpecialUse: (use, mailbox) => use === "\\Archive" && (mailbox ?? "Old") === "Old",
    annotation: (mailbox, name) =>
      name === "/private/vendor/vendor.isode/auto-replies" && mailbox === "INBOX"
        ? "on"
        : undefined,
  },
  scores: { spamPercent: 90, virus: 4 },
  lists: {
    isValid: (list) => list === ":addrbook:default",
    contains: (_list, value) => value.startsWith("coyote"),
  },
};

const run = { message, surroundings };

const tests: readonly (readonly [
  name: string,
  requires: readonly string[],
  test: string,
  expected: boolean,
])[] = [
  [
    "RFC 5231 §4.2 :count of recipients",
    ["relational", "comparator-i;ascii-numeric"],
    'address :count "gt" :comparator "i;ascii-numeric" ["to", "cc"] ["2"]',
    true,
  ],
  ["RFC 5231 §4.1 :value", ["relational"], 'header :value "lt" "from" ["d"]', true],
  [
    "RFC 4790 §9.1 no number is the largest",
    ["relational", "comparator-i;ascii-numeric"],
    'header :value "gt" :comparator "i;ascii-numeric" "list-id" "99999999999999999999"',
    true,
  ],
  ["RFC 5233 §4 :user", ["subaddress"], 'address :user "from" "coyote"', true],
  ["RFC 5233 §4 :detail", ["subaddress"], 'address :detail "from" "TAG"', true],
  ["RFC 5233 §4 no detail", ["subaddress"], 'address :detail "cc" ""', false],
  [
    "RFC 5228 §5.4 envelope :detail",
    ["envelope", "subaddress"],
    'envelope :detail "to" "sieve"',
    true,
  ],
  ["RFC 5173 §5.1 :raw", ["body"], 'body :raw :contains "MAKE MONEY"', true],
  ["RFC 5173 §5.2 :content text", ["body"], 'body :content "text" :contains "missile grüße"', true],
  [
    "RFC 5173 §5.2 the preamble is the multipart's",
    ["body"],
    'body :content "text" :contains "MONEY"',
    false,
  ],
  [
    "RFC 5173 §5.2 :content multipart",
    ["body"],
    'body :content "multipart" :contains "MAKE MONEY"',
    true,
  ],
  ["RFC 5173 §5.3 :text", ["body"], 'body :text :contains "MISSILE"', true],
  ["RFC 5183 §5 an item", ["environment"], 'environment :is "phase" "during"', true],
  ["RFC 5183 §4.1 an unknown item", ["environment"], 'environment :contains "no-such" ""', false],
  ["RFC 5260 §4 date :originalzone", ["date"], 'date :originalzone "date" "hour" "09"', true],
  ["RFC 5260 §4 date in a zone", ["date"], 'date :zone "+0000" "date" "hour" "17"', true],
  ["RFC 5260 §4.2 weekday", ["date"], 'date :originalzone "date" "weekday" "2"', true],
  ["RFC 5260 §4.2 julian", ["date"], 'date :zone "+0000" "date" "julian" "50539"', true],
  [
    "RFC 5260 §4.2 std11",
    ["date"],
    'date :originalzone "date" "std11" "Tue, 1 Apr 1997 09:06:31 -0800"',
    true,
  ],
  [
    "RFC 5260 §5 currentdate",
    ["date", "relational"],
    'allof(currentdate :value "ge" "date" "2007-02-26", currentdate :value "le" "date" "2007-03-01")',
    true,
  ],
  [
    "RFC 5260 §6.1 the second Received",
    ["date", "relational", "index"],
    'date :value "gt" :index 2 :zone "-0500" "received" "iso8601" "2007-02-26T09:00:00-05:00"',
    false,
  ],
  [
    "RFC 5260 §6 the last one backwards",
    ["index"],
    'header :index 2 :last :contains "received" "by y"',
    true,
  ],
  [
    "RFC 5235 §2.3 spamtest",
    ["spamtest", "relational", "comparator-i;ascii-numeric"],
    'spamtest :value "ge" :comparator "i;ascii-numeric" "9"',
    true,
  ],
  [
    "RFC 5235 §2.3 :percent",
    ["spamtestplus", "relational", "comparator-i;ascii-numeric"],
    'spamtest :percent :value "ge" :comparator "i;ascii-numeric" "90"',
    true,
  ],
  [
    "RFC 5235 §2.6 virustest",
    ["virustest", "relational", "comparator-i;ascii-numeric"],
    'virustest :value "ge" :comparator "i;ascii-numeric" "4"',
    true,
  ],
  ["RFC 5490 §3.1 mailboxexists", ["mailbox"], 'mailboxexists "Partners"', true],
  ["RFC 5490 §3.1 all of them", ["mailbox"], 'mailboxexists ["Partners", "None"]', false],
  [
    "RFC 5490 §3.3 metadata",
    ["mboxmetadata"],
    'metadata :is "INBOX" "/private/vendor/vendor.isode/auto-replies" "on"',
    true,
  ],
  [
    "RFC 5490 §3.4 metadataexists",
    ["mboxmetadata"],
    'metadataexists "INBOX" ["/private/none"]',
    false,
  ],
  [
    "RFC 5490 §4.2 servermetadataexists",
    ["servermetadata"],
    'servermetadataexists "/private/x"',
    false,
  ],
  [
    "RFC 5435 §4 example 4",
    ["enotify"],
    'valid_notify_method ["mailto:", "http://gw.example.net/notify?test"]',
    false,
  ],
  ["RFC 5435 §4 mailto", ["enotify"], 'valid_notify_method "mailto:alm@example.com"', true],
  [
    "RFC 5435 §5",
    ["enotify"],
    'notify_method_capability "mailto:alm@example.com" "Online" "maybe"',
    true,
  ],
  ["RFC 5232 §4 hasflag", ["imap4flags"], 'not hasflag "A"', true],
  ["RFC 5463 §4 ihave", ["ihave"], 'ihave ["fileinto", "copy"]', true],
  ["RFC 5463 §4 ihave of variables", ["ihave"], 'ihave "variables"', false],
  ["mailboxid", ["mailboxid"], 'mailboxidexists "F6352ae03-b7f5-463c-896f-d8b48ee3"', true],
  ["special-use", ["special-use"], 'specialuse_exists "\\\\Archive"', true],
  ["special-use of a mailbox", ["special-use"], 'specialuse_exists "New" "\\\\Archive"', false],
  [
    "envelope-dsn",
    ["envelope", "envelope-dsn"],
    'allof(envelope "ret" "HDRS", envelope :contains "notify" "FAIL")',
    true,
  ],
  [
    "envelope-dsn: there is no ORCPT",
    ["envelope", "envelope-dsn"],
    'envelope :contains "orcpt" ""',
    false,
  ],
  [
    "extlists",
    ["extlists"],
    'allof(valid_ext_list ":addrbook:default", address :list "from" ":addrbook:default")',
    true,
  ],
  [
    "regex",
    ["regex"],
    'header :regex "subject" "^\\\\[(acme|desert)-users\\\\] .*[[:digit:]]+\\\\.[[:digit:]]"',
    true,
  ],
  ["regex has no case by default", ["regex"], 'header :regex "subject" "VERSION"', true],
  [
    "regex with i;octet has",
    ["regex"],
    'header :regex :comparator "i;octet" "subject" "VERSION"',
    false,
  ],
  [
    "mime :anychild",
    ["mime"],
    'header :mime :anychild :contenttype "Content-Type" "image/png"',
    true,
  ],
  ["mime :subtype", ["mime"], 'header :mime :subtype "Content-Type" "mixed"', true],
  [
    "mime :param",
    ["mime"],
    'header :mime :anychild :param "filename" :matches "Content-Disposition" "*.exe"',
    true,
  ],
  ["mime of the message alone", ["mime"], 'header :mime :type "Content-Type" "image"', false],
  ["mime exists", ["mime"], 'exists :mime :anychild "Content-Disposition"', true],
  [
    "i;unicode-casemap",
    ["comparator-i;unicode-casemap", "body"],
    'body :comparator "i;unicode-casemap" :contains "GRÜ"',
    true,
  ],
];

describe("tests of extensions", () => {
  for (const [name, requires, text, expected] of tests) {
    test(name, async () => {
      assert.equal(await holds(requires, text, run), expected);
    });
  }
});

const scripts: readonly (readonly [name: string, script: string, expected: readonly string[]])[] = [
  [
    "RFC 3894 §3: a copy leaves the implicit keep",
    'require ["copy", "fileinto"]; fileinto :copy "incoming"; redirect :copy "x@example.net";',
    ["fileinto incoming", "redirect x@example.net", "implicit keep"],
  ],
  [
    "RFC 5229 §3.2: match variables of List-Id",
    'require ["fileinto", "variables"]; if header :matches "List-ID" "*<*@*" { discard; } elsif header :matches "Subject" "[*] *" { fileinto "INBOX.lists.${1}"; keep; fileinto "${2}"; }',
    ["fileinto INBOX.lists.acme-users", "keep", "fileinto [fwd] version 1.0 is out"],
  ],
  [
    "RFC 5229 §3.2: the first star takes nothing",
    'require ["fileinto", "variables"]; if address :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"] { fileinto "INBOX.business.${2}${1}"; }',
    ["fileinto INBOX.business.ACME.Example"],
  ],
  [
    "RFC 5229 §3.2: a test that is not run sets nothing",
    'require ["fileinto", "variables"]; if anyof (true, address :domain :matches "To" "*.com") { fileinto "x${1}"; }',
    ["fileinto x"],
  ],
  [
    "RFC 5229 §4: set and multi-line text",
    'require ["variables", "vacation"];\nset "honorific"  "Mr";\nset "last_name"  "Coyote";\nset "vacation" text:\nDear ${HONORIFIC} ${last_name},\n.\n;\nvacation "${vacation}";',
    ["vacation Dear Mr Coyote,\r\n", "implicit keep"],
  ],
  [
    "RFC 5229 §5: string",
    'require ["variables"]; set "state" "${state} pending"; if string :matches " ${state} " "* pending *" { discard; }',
    ["discard"],
  ],
  [
    "RFC 5232 §3.1: flags in a variable",
    'require ["fileinto", "imap4flags", "variables"]; setflag "flagvar" "\\\\Flagged"; fileinto :flags "${flagvar}" "INBOX.From Boss";',
    ["fileinto INBOX.From Boss \\Flagged"],
  ],
  [
    "RFC 5232 §3.2: three ways to say the same",
    'require ["fileinto", "imap4flags"]; addflag "\\\\Deleted"; addflag ["\\\\Answered", "\\\\deleted"]; removeflag "\\\\ANSWERED"; addflag "$Label \\\\Recent b\u00e4d";',
    ["implicit keep \\Deleted $Label"],
  ],
  [
    "RFC 5232 §4: hasflag",
    'require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"]; set "MyVar" "NonJunk Junk gnus-forward $Forwarded"; addflag "A B"; if allof(hasflag :is "b A", hasflag :contains "MyVar" ["label", "forward"], not hasflag :contains "MyVar" "label", hasflag :count "ge" :comparator "i;ascii-numeric" "MyVar" "4") { discard; }',
    ["discard"],
  ],
  [
    "RFC 5429 §2.1.2: ereject",
    'require ["ereject"]; if address "from" "coyote+tag@desert.example.org" { ereject "Go away"; }',
    ["ereject Go away"],
  ],
  [
    "RFC 5436 §3: the notification of the knitting list",
    'require ["enotify", "variables"]; if header :contains "list-id" "knitting.example.com" { if header :matches "Subject" "[*] *" { notify :message "From ${1} list: ${2}" :importance "3" "mailto:0123456789@sms.example.net?to=backup@example.com"; } }',
    [
      "notify mailto:0123456789@sms.example.net?to=backup@example.com From acme-users list: [fwd] version 1.0 is out",
      "implicit keep",
    ],
  ],
  [
    "RFC 5435 §6: encodeurl",
    'require ["enotify", "variables"]; set :encodeurl "body_param" "Safe body&evil=evilbody"; notify :message "m" "mailto:tim@example.com?body=${body_param}";',
    ["notify mailto:tim@example.com?body=Safe%20body%26evil%3Devilbody m", "implicit keep"],
  ],
  [
    "RFC 5463 §4: what ihave does not have is no error",
    'require ["ihave"]; if ihave "no-such-thing" { nosuch :thing; } else { keep; }',
    ["keep"],
  ],
  [
    "RFC 5463 §4: what it has is allowed from then on",
    'require "ihave"; if ihave "fileinto" { fileinto "a"; } fileinto "b";',
    ["fileinto a", "fileinto b"],
  ],
  [
    "RFC 5293 §7: an added field is seen",
    'require ["editheader", "fileinto"]; addheader "X-Hello" "World"; if header :contains "X-Hello" "World" { fileinto "international"; }',
    ["fileinto international"],
  ],
  [
    "RFC 5230 §4.8: vacation",
    'require "vacation"; vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] "I\'m away";',
    ["vacation I'm away", "implicit keep"],
  ],
  [
    "foreverypart and break",
    'require ["foreverypart", "mime", "fileinto", "extracttext", "variables"]; foreverypart { if header :mime :type "Content-Type" "text" { extracttext :first 7 "t"; fileinto "${t}"; break; } } ',
    ["fileinto missile"],
  ],
  [
    "include of nothing is an error only where it is needed",
    'require "include"; include :optional "none"; discard;',
    ["discard"],
  ],
];

describe("scripts of extensions", () => {
  for (const [name, script, expected] of scripts) {
    test(name, async () => {
      assert.deepEqual(await decide(script, run), expected);
    });
  }

  test("RFC 5229 §4.1: modifiers", async () => {
    const values: readonly (readonly [string, string])[] = [
      ["", "juMBlEd lETteRS"],
      [":length", "15"],
      [":lower", "jumbled letters"],
      [":upperfirst", "JuMBlEd lETteRS"],
      [":upperfirst :lower", "Jumbled letters"],
    ];
    for (const [modifiers, expected] of values) {
      const script = `require ["variables", "fileinto"]; set "a" "juMBlEd lETteRS"; set ${modifiers} "b" "\${a}"; fileinto "\${b}";`;
      assert.deepEqual(await decide(script), [`fileinto ${expected}`]);
    }
    assert.deepEqual(
      await decide(
        'require ["variables", "fileinto"]; set :quotewildcard "b" "Rock*"; fileinto "${b}";',
      ),
      ["fileinto Rock\\*"],
    );
  });

  test("RFC 6609 §3.4.1: included scripts share what they declare, and nothing else", async () => {
    const included = `require ["include", "variables"]; global ["test", "test_mailbox"]; set "own" "x";
      if header :contains "Subject" "\${test}" { set "test_mailbox" "spam-\${test}"; }`;
    const script = `require ["fileinto", "include", "variables", "relational"];
      global "test"; global "test_mailbox";
      set "test" "$$"; include "subject_tests";
      set "test" "acme"; include "subject_tests";
      if string :count "eq" "\${test_mailbox}" "1" { fileinto "\${test_mailbox}\${own}"; stop; }`;
    const scripts_ = { load: () => octetsOf(included) };
    assert.deepEqual(await decide(script, { message, surroundings: { scripts: scripts_ } }), [
      "fileinto spam-acme",
    ]);
    const endless = { load: () => octetsOf('require "include"; include "x";') };
    await assert.rejects(
      decide('require "include"; include "x";', { surroundings: { scripts: endless } }),
      SieveRunError,
    );
  });

  test("RFC 7352 §3: a message is seen by later runs only", async () => {
    const seen = new Set<string>();
    const duplicates = { wasSeen: (key: string) => seen.has(key) };
    const script = 'require "duplicate"; if anyof(duplicate, duplicate) { discard; }';
    const first = await runTest(script, { surroundings: { duplicates } });
    assert.equal(first.actions[0]?.kind, "keep");
    for (const { key } of first.marks) seen.add(key);
    assert.deepEqual(await decide(script, { surroundings: { duplicates } }), ["discard"]);
  });

  test("RFC 5293 §5: :index counts what is left", async () => {
    const text = messageOf("X-Hello: 1", "X-Hello: 2", "X-Hello: 3", "Received: x", "", "t");
    const script =
      'require "editheader"; deleteheader :index 1 "X-Hello"; deleteheader :index 2 "X-Hello"; deleteheader "Received";';
    const { actions } = await runTest(script, { message: text });
    assert.ok(actions[0]);
    assert.equal(octetsOfPieces(actions[0], text), messageOf("X-Hello: 2", "Received: x", "", "t"));
  });

  test("replace takes the place of one part", async () => {
    const script =
      'require ["foreverypart", "mime", "replace"]; foreverypart { if header :mime :param "filename" :matches "Content-Disposition" "*.exe" { replace "gone"; } }';
    const { actions } = await runTest(script, { message });
    assert.ok(actions[0]);
    const replaced = octetsOfPieces(actions[0], message);
    assert.match(
      replaced,
      /--b\r\nContent-Type: text\/plain; charset=us-ascii\r\n.*\r\n\r\ngone\r\n--b--\r\n$/s,
    );
    assert.doesNotMatch(replaced, /setup\.exe/);
  });

  test("enclose makes the message an attachment of a new one", async () => {
    const script = 'require "enclose"; enclose :subject "Warning" "Look out";';
    const { actions } = await runTest(script, { message });
    assert.ok(actions[0]);
    const enclosed = octetsOfPieces(actions[0], message);
    assert.match(enclosed, /\r\nSubject: Warning\r\n.*Content-Type: multipart\/mixed/s);
    assert.ok(enclosed.includes(`Content-Type: message/rfc822\r\n\r\n${message}\r\n--=_enclosed-`));
  });
});

const errors: readonly (readonly [script: string, problem: string])[] = [
  ["keep", '1:5 expected ";" or "{" after "keep", found the end of the script'],
  ["keep;\r\n  foo;", '2:3 unknown command "foo"'],
  ['fileinto "x";', '1:1 this needs "fileinto": say require "fileinto"; at the beginning'],
  ['require "nosuch";', '1:1 the extension "nosuch" is not supported'],
  ['keep; require "fileinto";', "1:7 require must stand before all other commands"],
  ["if true { keep; ", '1:9 this "{" has no "}"'],
  ['if header :is :contains "a" "b" { keep; }', "1:4 only one match type can be given"],
  ['if header "a" :is "b" { keep; }', "1:11 tagged arguments must come before this one"],
  ['redirect "nobody";', '1:1 "nobody" is no address'],
  ['"a\u{1f600}" x', "1:1 expected a command, found a string"],
  ["/* \u{1f600} */ foo;", '1:9 unknown command "foo"'],
  ["else { keep; }", '1:1 "else" must follow an if or elsif'],
  ['require "regex"; if header :regex "a" "(" { keep; }', '1:39 this "(" has no ")"'],
  ['require "variables"; set "a" "${x.y}";', '1:30 unknown namespace of variables "x"'],
  ["if size 10 { keep; }", "1:4 size needs :over or :under"],
  ['if header :comparator "i;nope" "a" "b" { keep; }', '1:4 unknown comparator "i;nope"'],
];

describe("problems of scripts have their place", () => {
  for (const [script, problem] of errors) {
    test(JSON.stringify(script), async () => {
      await assert.rejects(runTest(script), (error) => {
        assert.ok(error instanceof SieveScriptError);
        const found = error.problems.map(
          ({ line, column, message: text }) => `${line}:${column} ${text}`,
        );
        assert.ok(found.includes(problem), found.join("\n"));
        return true;
      });
    });
  }

  test("several problems are told at once", async () => {
    await assert.rejects(runTest("foo;\nbar;\nkeep\n;stop baz;"), (error) => {
      assert.ok(error instanceof SieveScriptError);
      assert.equal(error.problems.length, 3);
      return true;
    });
  });

  test("RFC 5429 §2.4: reject goes with nothing that delivers", async () => {
    const script = 'require "reject"; keep; reject "no";';
    await assert.rejects(runTest(script), SieveRunError);
  });
});
