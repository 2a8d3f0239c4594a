import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SieveRunError, SieveScriptError, type Surroundings } from "../src/index.ts";
import { decide, messageOf, octetsOf } from "./sieve-run.ts";

/** Examples of ihave, extlists, refusals and currentdate; docs/filters.md has the table. */
const from = (address: string, ...more: readonly string[]) =>
  messageOf(`From: ${address}`, "To: me@example.com", ...more, "", "x");

describe("RFC 5463", () => {
  const conditional = (wanted: string) => `require ["ihave", "fileinto"];
    if ihave "${wanted}" { fileinto "has"; } else { fileinto "has not"; }`;

  test("§4: it has what can be required, comparators too, and all of a list or nothing", async () => {
    assert.deepEqual(await decide(conditional("comparator-i;ascii-numeric")), ["fileinto has"]);
    assert.deepEqual(await decide(conditional("vnd.example.nothing")), ["fileinto has not"]);
    const list = 'require "ihave"; if ihave ["copy", "no-such"] { discard; } else { keep; }';
    assert.deepEqual(await decide(list), ["keep"]);
    // §4, 4: none of them is enabled then.
    const after = 'require "ihave"; if not ihave ["copy", "no-such"] { redirect :copy "a@b.c"; }';
    await assert.rejects(decide(after), SieveRunError);
  });

  test("§4, 1: what it had is allowed to the end of the script, and not before", async () => {
    const later = 'require "ihave"; if ihave "fileinto" { stop; } fileinto "a";';
    assert.deepEqual(await decide(later), ["implicit keep"]);
    const before = 'require "ihave"; fileinto "a"; if ihave "fileinto" { keep; }';
    await assert.rejects(decide(before), (error: unknown) =>
      [SieveRunError, SieveScriptError].some((kind) => error instanceof kind),
    );
  });

  test("§4, 3: required as well, it may be used anywhere", async () => {
    const script = 'require ["ihave", "fileinto"]; fileinto "a"; if ihave "fileinto" { stop; }';
    assert.deepEqual(await decide(script), ["fileinto a"]);
  });

  test("§4, 5: tests are looked at from left to right, and no more than needed", async () => {
    const script = 'require "ihave"; if allof(ihave "no-such", nosuch) { discard; } else { keep; }';
    assert.deepEqual(await decide(script), ["keep"]);
  });

  test("§4: nothing that changes how a script is read can be had", async () => {
    for (const name of ["variables", "encoded-character"]) {
      const script = `require "ihave"; if ihave "${name}" { discard; } else { keep; }`;
      assert.deepEqual(await decide(script), ["keep"]);
    }
  });

  test("§5: error ends the script, with its text", async () => {
    const script = 'require "ihave"; if not ihave "no-such" { error "This cannot be: \u00fc"; }';
    await assert.rejects(decide(script), /This cannot be: \u00fc/);
  });
});

describe("RFC 6134", () => {
  const members: Readonly<Record<string, readonly string[]>> = {
    ":addrbook:default": ["ann@example.com"],
    "tag:example.com,2010-05-28:mylist": ["ann@example.com", "bob@example.com"],
    "tag:example.com,2011-01-01:localHolidays": ["2007-02-26"],
    "tag:example.com,2011-04-10:DisallowedIPs": ["192.0.2.7"],
    "tag:example.com,2011-04-10:BadFileNameExts": ["exe", "pif"],
  };
  const lists: Surroundings["lists"] = {
    isValid: (list) => list in members,
    contains: (list, value) => members[list]?.includes(value) ?? false,
  };
  const envelopeFrom = (address: string, spamPercent = 0) => ({
    lists,
    envelope: { from: address, to: "me+mylist@example.com" },
    scores: { spamPercent },
  });

  const ofFriends = `require ["envelope", "extlists", "fileinto", "spamtest", "relational",
        "comparator-i;ascii-numeric"];
      if envelope :list "from" ":addrbook:default" {
        /* Known: allow high spam score */
        if spamtest :value "ge" :comparator "i;ascii-numeric" "8" { fileinto "spam"; }
      } elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3" {
        /* Unknown: less tolerance in spam score */
        fileinto "spam";
      }`;
  const byLimit = `require ["envelope", "extlists", "fileinto", "spamtest", "variables", "relational",
        "comparator-i;ascii-numeric"];
      if envelope :list "from" ":addrbook:default" { set "lim" "8"; } else { set "lim" "3"; }
      if spamtest :value "ge" :comparator "i;ascii-numeric" "\${lim}" { fileinto "spam"; }`;
  for (const [name, script] of [
    ["with two limits", ofFriends],
    ["with a variable", byLimit],
  ] as const) {
    test(`example 1, ${name}: who is in the address book may look more like spam`, async () => {
      const run = (address: string, spam: number) =>
        decide(script, { surroundings: envelopeFrom(address, spam) });
      assert.deepEqual(await run("ann@example.com", 50), ["implicit keep"]);
      assert.deepEqual(await run("ann@example.com", 100), ["fileinto spam"]);
      assert.deepEqual(await run("eve@example.net", 50), ["fileinto spam"]);
      assert.deepEqual(await run("eve@example.net", 1), ["implicit keep"]);
    });
  }

  test("example 2: a notification on holidays, with mailto for xmpp", async () => {
    const script = `require ["extlists", "date", "enotify"];
      if currentdate :list "date" "tag:example.com,2011-01-01:localHolidays" {
        notify :message "m" "mailto:romeo@im.example.com";
      }`;
    const on = (ms: number) =>
      decide(script, { surroundings: { lists, now: { ms, offsetMinutes: 0 } } });
    const notified = ["notify mailto:romeo@im.example.com m", "implicit keep"];
    assert.deepEqual(await on(Date.UTC(2007, 1, 26, 12)), notified);
    assert.deepEqual(await on(Date.UTC(2007, 1, 27, 12)), ["implicit keep"]);
  });

  test("example 3: members of a list write to the list", async () => {
    const script = `require ["envelope", "extlists", "subaddress"];
      if allof (envelope :detail "to" "mylist",
                address :list "from" "tag:example.com,2010-05-28:mylist") {
        redirect :list "tag:example.com,2010-05-28:mylist";
      }`;
    const run = (address: string) =>
      decide(script, { message: from(address), surroundings: envelopeFrom(address) });
    assert.deepEqual(await run("bob@example.com"), ["redirect tag:example.com,2010-05-28:mylist"]);
    assert.deepEqual(await run("eve@example.net"), ["implicit keep"]);
  });

  test("example 4: addresses of hosts that are not wanted", async () => {
    const script = `require ["variables", "extlists", "index", "ereject"];
      if header :index 1 :matches "received" "*(* [*.*.*.*])*" {
        set "ip" "\${3}.\${4}.\${5}.\${6}";
        if string :list "\${ip}" "tag:example.com,2011-04-10:DisallowedIPs" {
          ereject "Message not allowed from this IP address";
        }
      }`;
    const received = (ip: string) =>
      decide(script, {
        message: messageOf(`Received: from a (b [${ip}]) by c`, "From: a@b.c", "", "x"),
        surroundings: { lists },
      });
    const refused = ["ereject Message not allowed from this IP address"];
    assert.deepEqual(await received("192.0.2.7"), refused);
    assert.deepEqual(await received("192.0.2.8"), ["implicit keep"]);
  });

  test("example 5: parts with names that are not wanted", async () => {
    const script = `require ["extlists", "foreverypart", "mime", "variables", "fileinto"];
      foreverypart {
        if header :mime :param "filename" :matches ["Content-Type", "Content-Disposition"] "*.*" {
          if string :list "\${2}" "tag:example.com,2011-04-10:BadFileNameExts" {
            fileinto "Bad";
            break;
          }
        }
      }`;
    const named = (name: string) =>
      decide(script, {
        octets: octetsOf(from("a@b.c", `Content-Disposition: attachment; filename=${name}`)),
        surroundings: { lists },
      });
    assert.deepEqual(await named("letter.exe"), ["fileinto Bad"]);
    assert.deepEqual(await named("letter.txt"), ["implicit keep"]);
  });

  test("valid_ext_list says whether all of the lists are there", async () => {
    const valid = (names: string) =>
      decide(`require "extlists"; if valid_ext_list ${names} { discard; }`, {
        surroundings: { lists },
      });
    assert.deepEqual(await valid('":addrbook:default"'), ["discard"]);
    assert.deepEqual(await valid('[":addrbook:default", ":addrbook:no"]'), ["implicit keep"]);
  });
});

describe("RFC 5429", () => {
  test("§2.1: mail from one address is refused", async () => {
    const script = `require ["ereject"];
      if address "from" "someone@example.com" {
        ereject "I no longer accept mail from this address";
      }`;
    const refused = ["ereject I no longer accept mail from this address"];
    assert.deepEqual(await decide(script, { message: from("someone@example.com") }), refused);
    assert.deepEqual(await decide(script, { message: from("a@b.c") }), ["implicit keep"]);
  });

  test("§2.2: what is too large", async () => {
    const script = [
      'require ["reject"];',
      "if size :over 100K {",
      "reject text:",
      "Your message is too big.  If you want to send me a big attachment,",
      "put it on a public web site and send me a URL.",
      ".",
      "; }",
    ].join("\r\n");
    const of = (length: number) =>
      decide(script, { octets: octetsOf(`From: a@b.c\r\n\r\n${"x".repeat(length)}`) });
    const [refused = ""] = await of(110_000);
    assert.match(refused, /^reject Your message is too big\. .*\r\nput it on a public web site/);
    assert.deepEqual(await of(10), ["implicit keep"]);
  });

  test("§2.2.1: a text of several lines", async () => {
    const script = [
      'require ["reject"];',
      'if header :contains "from" "coyote@desert.example.org" {',
      "reject text:",
      "I am not taking mail from you, and I don't",
      "want your birdseed, either!",
      ".",
      "; }",
    ].join("\r\n");
    assert.deepEqual(await decide(script), [
      "reject I am not taking mail from you, and I don't\r\nwant your birdseed, either!\r\n",
    ]);
  });

  test("§2.5: spam is refused, and what may be spam put aside", async () => {
    const script = `require ["ereject", "spamtest", "fileinto", "relational",
        "comparator-i;ascii-numeric"];
      if spamtest :value "ge" :comparator "i;ascii-numeric" "6" {
        ereject "AntiSpam engine thinks your message is spam.";
      } elsif spamtest :value "ge" :comparator "i;ascii-numeric" "4" {
        fileinto "Suspect";
      }`;
    const scored = (spamPercent: number) =>
      decide(script, { surroundings: { scores: { spamPercent } } });
    assert.deepEqual(await scored(90), ["ereject AntiSpam engine thinks your message is spam."]);
    assert.deepEqual(await scored(45), ["fileinto Suspect"]);
    assert.deepEqual(await scored(10), ["implicit keep"]);
  });
});

describe("RFC 5260", () => {
  const at = (ms: number) => ({ surroundings: { now: { ms, offsetMinutes: 0 } } });

  test("§5.1: a pager after business hours and on weekends", async () => {
    const script = `require ["date", "relational"];
      if anyof(currentdate :is "weekday" "0",
               currentdate :is "weekday" "6",
               currentdate :value "lt" "hour" "09",
               currentdate :value "ge" "hour" "17")
      { redirect "pager@example.com"; }`;
    const hour = (day: number, hours: number) => decide(script, at(Date.UTC(2007, 1, day, hours)));
    assert.deepEqual(await hour(25, 12), ["redirect pager@example.com"]);
    assert.deepEqual(await hour(26, 8), ["redirect pager@example.com"]);
    assert.deepEqual(await hour(26, 9), ["implicit keep"]);
    assert.deepEqual(await hour(26, 17), ["redirect pager@example.com"]);
  });

  test("§5.1: away from one day to another", async () => {
    const script = `require ["date", "relational", "vacation"];
      if allof(currentdate :value "ge" "date" "2007-06-30",
               currentdate :value "le" "date" "2007-07-07")
      { vacation :days 7 "I'm away during the first week in July."; }`;
    const on = async (month: number, day: number) =>
      (await decide(script, at(Date.UTC(2007, month, day, 12))))[0];
    assert.equal(await on(5, 30), "vacation I'm away during the first week in July.");
    assert.equal(await on(6, 7), "vacation I'm away during the first week in July.");
    assert.equal(await on(5, 29), "implicit keep");
    assert.equal(await on(6, 8), "implicit keep");
  });

  test("§5.1: a mailbox for each month", async () => {
    const script = `require ["date", "variables", "fileinto"];
      if currentdate :matches "month" "*" { set "month" "\${1}"; }
      if currentdate :matches "year"  "*" { set "year"  "\${1}"; }
      fileinto "\${month}-\${year}";`;
    const [filed] = await decide(script, at(Date.UTC(2007, 1, 26)));
    assert.equal(filed, "fileinto 02-2007");
  });

  test("§5.1: a field that says when the script ran", async () => {
    const script = `require ["variables", "date", "editheader", "fileinto"];
      if currentdate :matches "std11" "*" { addheader "Processing-date" "\${0}"; }
      if header :contains "Processing-date" "26 Feb 2007 14:30:15 +0000" { fileinto "Seen"; }`;
    const [filed] = await decide(script, at(Date.UTC(2007, 1, 26, 14, 30, 15)));
    assert.equal(filed, "fileinto Seen");
  });
});
