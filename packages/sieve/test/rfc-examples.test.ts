import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Surroundings } from "../src/index.ts";
import { decide, holds, messageOf, octetsOf, octetsOfPieces, runTest } from "./sieve-run.ts";

/** Examples of extensions that stand in no other file here, by RFC and section; docs/filters.md has the table. */
const from = (address: string, ...more: readonly string[]) =>
  messageOf(`From: ${address}`, "To: me@company.example.com", ...more, "", "x");

const reports = (...scripts: readonly (readonly [name: string, script: string])[]) =>
  new Map(scripts);

describe("RFC 5231", () => {
  const message = messageOf(
    "Received: a",
    "Received: b",
    "Subject: example",
    "To: foo@example.com, baz@example.com",
    "Cc: qux@example.com",
    "",
    "x",
  );
  const ascii = ':comparator "i;ascii-numeric"';
  const cases = [
    [`address :count "ge" ${ascii} ["to", "cc"] ["3"]`, true],
    [
      `anyof(address :count "ge" ${ascii} ["to"] ["3"], address :count "ge" ${ascii} ["cc"] ["3"])`,
      false,
    ],
    [`header :count "ge" ${ascii} ["received"] ["3"]`, false],
    [`header :count "ge" ${ascii} ["received", "subject"] ["3"]`, true],
    [`header :count "ge" ${ascii} ["to", "cc"] ["3"]`, false],
  ] as const;
  for (const [check, expected] of cases) {
    test(`§6: ${check}`, async () => {
      const requires = ["relational", "comparator-i;ascii-numeric"];
      assert.equal(await holds(requires, check, { message }), expected);
    });
  }

  test("§7: the extended example", async () => {
    const script = `require ["relational", "comparator-i;ascii-numeric", "fileinto"];
      if header :value "lt" ${ascii} ["x-priority"] ["3"] { fileinto "Priority"; }
      elsif address :count "gt" ${ascii} ["to"] ["5"] { fileinto "SPAM"; }
      elsif address :value "gt" :all :comparator "i;ascii-casemap" ["from"] ["M"] {
        fileinto "From N-Z";
      } else { fileinto "From A-M"; }
      if allof (address :count "eq" ${ascii} ["to", "cc"] ["1"],
                address :all :comparator "i;ascii-casemap" ["to", "cc"] ["me@foo.example.com"]) {
        fileinto "Only me";
      }`;
    const of = (...fields: readonly string[]) =>
      decide(script, { message: messageOf(...fields, "", "x") });
    const me = "To: me@foo.example.com";
    assert.deepEqual(await of("X-Priority: 1", "From: a@x.example", me), [
      "fileinto Priority",
      "fileinto Only me",
    ]);
    assert.deepEqual(await of("From: zoe@x.example", "To: a@b.example, me@foo.example.com"), [
      "fileinto From N-Z",
    ]);
    assert.deepEqual(await of("From: ann@x.example", me), [
      "fileinto From A-M",
      "fileinto Only me",
    ]);
    const six = Array.from({ length: 6 }, (_, n) => `u${n}@b.example`).join(", ");
    assert.deepEqual(await of("From: ann@x.example", `To: ${six}`), ["fileinto SPAM"]);
  });
});

describe("RFC 5232", () => {
  const withFlags = (script: string) =>
    decide(`require ["imap4flags", "variables", "fileinto"]; ${script} keep :flags "\${flagvar}";`);

  test("§3.1: flags by size", async () => {
    const script = 'require "imap4flags"; if size :over 500K { setflag "\\\\Deleted"; }';
    const large = `${from("a@b.example")}${"x".repeat(500 * 1024)}`;
    assert.deepEqual(await decide(script, { message: large }), ["implicit keep \\Deleted"]);
    assert.deepEqual(await decide(script), ["implicit keep"]);
  });

  test("§3.2: one after the other, in a list and in a string are the same", async () => {
    for (const script of [
      'addflag "flagvar" "\\\\Deleted"; addflag "flagvar" "\\\\Answered";',
      'addflag "flagvar" ["\\\\Deleted", "\\\\Answered"];',
      'addflag "flagvar" "\\\\Deleted \\\\Answered";',
    ]) {
      assert.deepEqual(await withFlags(script), ["keep \\Deleted \\Answered"]);
    }
  });

  test("§3.3: removeflag", async () => {
    const script = `require ["fileinto", "imap4flags", "variables"];
      if header :contains "Disposition-Notification-To" "mel@example.com" {
        addflag "flagvar" "$MDNRequired";
      }
      if header :contains "from" "imap@cac.washington.example.edu" {
        removeflag "flagvar" "$MDNRequired";
        fileinto :flags "\${flagvar}" "INBOX.imap-list";
      }`;
    const asked = "Disposition-Notification-To: mel@example.com";
    const message = from("imap@cac.washington.example.edu", asked);
    assert.deepEqual(await decide(script, { message }), ["fileinto INBOX.imap-list"]);
  });

  test("§4: hasflag", async () => {
    const set =
      'set "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk"';
    for (const check of [
      'hasflag :contains "MyVar" "Junk"',
      'hasflag :contains "MyVar" "forward"',
      'hasflag :contains "MyVar" ["label", "forward"]',
      'hasflag :contains "MyVar" ["junk", "forward"]',
      'hasflag :contains "MyVar" "junk forward"',
    ]) {
      const script = `require ["imap4flags", "variables"]; ${set}; if ${check} { discard; }`;
      assert.deepEqual(await decide(script), ["discard"], check);
    }
    const counts = `require ["imap4flags", "variables", "relational", "comparator-i;ascii-numeric"];
      set "MyFlags" "A B";
      if hasflag :count "ge" :comparator "i;ascii-numeric" "MyFlags" "2" { discard; }`;
    assert.deepEqual(await decide(counts), ["discard"]);
  });

  test("§9: the extended example", async () => {
    const script = `require ["fileinto", "imap4flags", "variables"];
      if size :over 1M {
        addflag "MyFlags" "Big";
        if header :is "From" "boss@company.example.com" { addflag "MyFlags" "\\\\Flagged"; }
        fileinto :flags "\${MyFlags}" "Big messages";
      }
      if header :is "From" "grandma@example.net" {
        addflag "MyFlags" ["\\\\Answered", "$MDNSent"];
        fileinto :flags "\${MyFlags}" "GrandMa";
      }
      if header :is "Sender" "owner-ietf-mta-filters@example.org" {
        set "MyFlags" "\\\\Flagged $Work";
        keep :flags "\${MyFlags}";
      }
      elsif anyof (address :domain :is ["From", "To"] "company.example.com") {
        keep :flags "\${MyFlags}";
      }`;
    const of = (message: string) => decide(script, { message });
    const big = "x".repeat(1024 * 1024);
    assert.deepEqual(await of(from("boss@company.example.com") + big), [
      "fileinto Big messages Big \\Flagged",
      "keep Big \\Flagged",
    ]);
    assert.deepEqual(await of(from("grandma@example.net")), [
      "fileinto GrandMa \\Answered $MDNSent",
      "keep \\Answered $MDNSent",
    ]);
    assert.deepEqual(await of(from("a@b.example", "Sender: owner-ietf-mta-filters@example.org")), [
      "keep \\Flagged $Work",
    ]);
  });
});

describe("RFC 5233", () => {
  test("§4: the user and the detail of the recipient", async () => {
    const script = `require ["envelope", "subaddress", "fileinto"];
      if envelope :user "to" "postmaster" { fileinto "inbox.postmaster"; stop; }
      if envelope :detail "to" "mta-filters" { fileinto "inbox.ietf-mta-filters"; }
      if envelope :detail "to" "foo" { redirect "ken@example.net"; }`;
    const of = (to: string) => decide(script, { surroundings: { envelope: { from: "", to } } });
    assert.deepEqual(await of("postmaster+foo@example.com"), ["fileinto inbox.postmaster"]);
    assert.deepEqual(await of("ken+mta-filters@example.com"), ["fileinto inbox.ietf-mta-filters"]);
    assert.deepEqual(await of("ken+foo@example.com"), ["redirect ken@example.net"]);
    assert.deepEqual(await of("ken@example.com"), ["implicit keep"]);
  });
});

describe("RFC 5230 and RFC 6131", () => {
  test("RFC 5230 §4.8: vacation for all but the boss", async () => {
    const script = `require "vacation";
      if header :contains "from" "boss@example.edu" { redirect "pleeb@isp.example.org"; }
      else { vacation "Sorry, I'm away."; }`;
    assert.deepEqual(await decide(script, { message: from("boss@example.edu") }), [
      "redirect pleeb@isp.example.org",
    ]);
    assert.deepEqual(await decide(script, { message: from("a@b.example") }), [
      "vacation Sorry, I'm away.",
      "implicit keep",
    ]);
  });

  for (const [seconds, more] of [
    [1800, ':addresses ["tjs@example.edu", "ts4z@landru.example.edu"]'],
    [0, ':handle "auto-resp"'],
  ] as const) {
    test(`RFC 6131 §3: once in ${seconds} seconds`, async () => {
      const script = `require "vacation-seconds"; vacation ${more} :seconds ${seconds} "In a meeting";`;
      const [action] = (await runTest(script)).actions;
      assert.ok(action?.kind === "vacation");
      assert.equal(action.seconds, seconds);
    });
  }
});

describe("RFC 5260", () => {
  const dated = (date: string, ...received: readonly string[]) =>
    messageOf(
      ...received.map((at) => `Received: from a by b; ${at}`),
      "From: boss@example.com",
      `Date: ${date}`,
      "",
      "x",
    );

  test("§4.4: office hours of the sender", async () => {
    const check = `allof(header :is "from" "boss@example.com",
      date :value "ge" :originalzone "date" "hour" "09",
      date :value "lt" :originalzone "date" "hour" "17")`;
    const at = (date: string) => holds(["date", "relational"], check, { message: dated(date) });
    assert.equal(await at("Mon, 26 Feb 2007 09:00:00 -0800"), true);
    assert.equal(await at("Mon, 26 Feb 2007 17:00:00 -0800"), false);
  });

  test("§4.4: received on a weekend", async () => {
    const check = 'anyof(date :is "received" "weekday" "0", date :is "received" "weekday" "6")';
    const on = (at: string) => holds(["date"], check, { message: dated(at, at) });
    assert.equal(await on("Sun, 25 Feb 2007 12:00:00 +0000"), true);
    assert.equal(await on("Mon, 26 Feb 2007 12:00:00 +0000"), false);
  });

  test("§6.1: the second Received decides about the cutoff", async () => {
    const script = `require ["date", "relational", "index"];
      if date :value "gt" :index 2 :zone "-0500" "received" "iso8601" "2007-02-26T09:00:00-05:00" {
        redirect "aftercutoff@example.org";
      }`;
    const second = (at: string) =>
      decide(script, { message: dated(at, "Tue, 27 Feb 2007 12:00:00 +0000", at) });
    assert.deepEqual(await second("Mon, 26 Feb 2007 14:00:01 +0000"), [
      "redirect aftercutoff@example.org",
    ]);
    assert.deepEqual(await second("Mon, 26 Feb 2007 14:00:00 +0000"), ["implicit keep"]);
  });
});

describe("RFC 5293", () => {
  const headerOf = async (script: string, message: string) => {
    const { actions } = await runTest(`require "editheader"; ${script}`, { message });
    const [kept] = actions;
    assert.ok(kept !== undefined);
    return octetsOfPieces(kept, message).split("\r\n\r\n")[0]?.split("\r\n");
  };

  test("§4: nothing is redirected twice", async () => {
    const script = `require "editheader";
      if not header :contains "X-Sieve-Filtered" ["<kim@job.example.com>", "<kim@home.example.com>"] {
        addheader "X-Sieve-Filtered" "<kim@job.example.com>";
        redirect "kim@home.example.com";
      }`;
    const first = await runTest(script);
    const [action] = first.actions;
    assert.ok(action?.kind === "redirect");
    const sentOn = from("a@b.example", "X-Sieve-Filtered: <kim@job.example.com>");
    assert.deepEqual(await decide(script, { message: sentOn }), ["implicit keep"]);
  });

  test("§5: the first Delivered-To goes if it is bob's", async () => {
    const script = 'deleteheader :index 1 :contains "Delivered-X" "bob@example.com";';
    const message = messageOf(
      "Delivered-X: ann@example.com",
      "Delivered-X: bob@example.com",
      "",
      "x",
    );
    assert.deepEqual(await headerOf(script, message), [
      "Delivered-X: ann@example.com",
      "Delivered-X: bob@example.com",
    ]);
  });

  test("§6: what is added is deleted, and indexes count what is left", async () => {
    const three = messageOf("X-Hello: 1", "X-Hello: 2", "X-Hello: 3", "", "x");
    const added = 'addheader "X-Hello" "World"; deleteheader :index 1 "X-Hello";';
    assert.deepEqual(await headerOf(added, three), ["X-Hello: 1", "X-Hello: 2", "X-Hello: 3"]);
    const twice = 'deleteheader :index 1 "X-Hello"; deleteheader :index 2 "X-Hello";';
    assert.deepEqual(await headerOf(twice, three), ["X-Hello: 2"]);
  });

  test("§6: it is filed once, whatever changed in between", async () => {
    const script = 'require "editheader"; keep; addheader "X-Flavor" "vanilla"; keep;';
    assert.deepEqual(await decide(script), ["keep"]);
  });
});

describe("RFC 5490", () => {
  const mailboxes = (names: readonly string[]): Partial<Surroundings> => ({
    mailboxes: {
      exists: (name) => names.includes(name),
      existsId: () => false,
      hasSpecialUse: () => false,
      annotation: (mailbox, name) =>
        mailbox === undefined && name === "/private/vendor/vendor.isode/notification-uri"
          ? "mailto:ann@sms.example"
          : undefined,
    },
  });

  test("§3.1: a message for partners only", async () => {
    const script = `require ["fileinto", "reject", "mailbox"];
      if mailboxexists "Partners" { fileinto "Partners"; }
      else { reject "This message was not accepted by the Mailstore"; }`;
    assert.deepEqual(await decide(script, { surroundings: mailboxes(["Partners"]) }), [
      "fileinto Partners",
    ]);
    assert.deepEqual(await decide(script, { surroundings: mailboxes([]) }), [
      "reject This message was not accepted by the Mailstore",
    ]);
  });

  test("§4.1: whom to notify stands in an annotation of the server", async () => {
    const script = `require ["enotify", "servermetadata", "variables", "envelope"];
      if servermetadata :matches "/private/vendor/vendor.isode/notification-uri" "*" {
        set "notif_uri" "\${0}";
      }
      if not string :is "\${notif_uri}" "none" {
        if envelope :all :matches "from" "*" { set "env_from" " [really: \${1}]"; }
        if header :matches "Subject" "*" { set "subject" "\${1}"; }
        notify :message "\${subject}\${env_from}" "\${notif_uri}";
      }`;
    assert.deepEqual(await decide(script, { surroundings: mailboxes([]) }), [
      "notify mailto:ann@sms.example I have a present for you [really: coyote@desert.example.org]",
      "implicit keep",
    ]);
  });
});

describe("RFC 6134", () => {
  const lists: Partial<Surroundings> = {
    lists: {
      isValid: (list) => list === ":addrbook:default",
      contains: (list, value) =>
        list === ":addrbook:default" && value === "coyote@desert.example.org",
    },
  };

  test("whom the owner knows is spared; redirect :list is for a list", async () => {
    const script = `require ["envelope", "extlists", "fileinto"];
      if envelope :list "from" ":addrbook:default" { fileinto "Friends"; }`;
    assert.deepEqual(await decide(script, { surroundings: lists }), ["fileinto Friends"]);
    assert.deepEqual(
      await decide('require "extlists"; redirect :list "tag:example.com,2009-05-28:mylist";'),
      ["redirect tag:example.com,2009-05-28:mylist"],
    );
  });
});

describe("RFC 6609", () => {
  const personal = reports(
    [
      "always_allow",
      `if address :is "from" "boss@example.com" { keep; }
       elsif address :is "from" "ceo@example.com" { keep; }`,
    ],
    [
      "spam_tests",
      `require ["reject"];
       if header :contains "Subject" "XXXX" { reject "Subject XXXX is unacceptable."; }
       elsif address :is "from" "money@example.com" { reject "Mail from this sender is unwelcome."; }`,
    ],
    [
      "mailing_lists",
      `require ["fileinto"];
       if header :is "List-ID" "sieve.ietf.org" { fileinto "lists.sieve"; }
       elsif header :is "List-ID" "ietf-imapext.imc.org" { fileinto "lists.imapext"; }`,
    ],
    [
      "subject_tests",
      `require ["include", "variables"];
       global ["test", "test_mailbox"];
       if header :contains "Subject" "\${test}" { set "test_mailbox" "spam-\${test}"; }`,
    ],
  );
  const global = reports([
    "spam_tests",
    `require ["reject"];
     if anyof (header :contains "Subject" "$$", header :contains "Subject" "Make money") {
       reject "No thank you.";
     }`,
  ]);
  const surroundings: Partial<Surroundings> = {
    scripts: {
      load: (location, name) => {
        const script = (location === "personal" ? personal : global).get(name);
        return script === undefined ? undefined : octetsOf(script);
      },
    },
  };

  test("§3.2: four scripts of a person and one of the site", async () => {
    const script = `require ["include"];
      include :personal "always_allow";
      include :global "spam_tests";
      include :personal "spam_tests";
      include :personal "mailing_lists";`;
    const of = (...fields: readonly string[]) =>
      decide(script, { message: messageOf(...fields, "", "x"), surroundings });
    assert.deepEqual(await of("From: boss@example.com", "Subject: a"), ["keep"]);
    assert.deepEqual(await of("From: a@example.com", "Subject: Make money"), [
      "reject No thank you.",
    ]);
    assert.deepEqual(await of("From: money@example.com", "Subject: a"), [
      "reject Mail from this sender is unwelcome.",
    ]);
    assert.deepEqual(await of("From: a@example.com", "List-ID: sieve.ietf.org"), [
      "fileinto lists.sieve",
    ]);
  });

  test("§3.4.1: a script that is a subroutine", async () => {
    const script = `require ["fileinto", "include", "variables", "relational"];
      global "test";
      global "test_mailbox";
      set "test" "$$";
      include "subject_tests";
      set "test" "Make money";
      include "subject_tests";
      if string :count "eq" "\${test_mailbox}" "1" { fileinto "\${test_mailbox}"; stop; }`;
    const message = from("a@b.example", "Subject: Make money now");
    assert.deepEqual(await decide(script, { message, surroundings }), ["fileinto spam-Make money"]);
    assert.deepEqual(await decide(script, { surroundings }), ["implicit keep"]);
  });

  test("§3.4.2: the namespace is the command", async () => {
    const script = `require ["variables", "include", "vacation"];
      global "i_am_on_vacation";
      set "global.i_am_on_vacation" "1";
      if string :is "\${i_am_on_vacation}" "1" { vacation "It's true, I am on vacation."; }`;
    assert.deepEqual(await decide(script, { surroundings }), [
      "vacation It's true, I am on vacation.",
      "implicit keep",
    ]);
  });
});

describe("RFC 7352", () => {
  /** Runs a script over messages one after the other, with the memory of the ones before. */
  async function inTurn(script: string, ...messages: readonly string[]) {
    const seen = new Set<string>();
    const decided: (readonly string[])[] = [];
    for (const message of messages) {
      const surroundings = { duplicates: { wasSeen: (key: string) => seen.has(key) } };
      decided.push(await decide(script, { message, surroundings }));
      const { marks } = await runTest(script, { message, surroundings });
      for (const { key } of marks) seen.add(key);
    }
    return decided;
  }
  const withId = (id: string, ...fields: readonly string[]) =>
    from("bob@example.com", `Message-ID: <${id}@example.com>`, ...fields);

  test("§5.1: the second of the same Message-ID", async () => {
    const script = `require ["duplicate", "fileinto", "mailbox"];
      if duplicate { fileinto :create "Trash/Duplicate"; }`;
    assert.deepEqual(await inTurn(script, withId("1"), withId("1"), withId("2")), [
      ["implicit keep"],
      ["fileinto Trash/Duplicate"],
      ["implicit keep"],
    ]);
  });

  test("§5.2: the same event from several systems", async () => {
    const script = `require ["duplicate", "variables", "imap4flags", "fileinto"];
      if header :matches "subject" "ALERT: *" {
        if duplicate :seconds 60 :uniqueid "\${1}" { setflag "\\\\seen"; }
        fileinto "Alerts";
      }`;
    const alert = (id: string, what: string) => withId(id, `Subject: ALERT: ${what}`);
    assert.deepEqual(await inTurn(script, alert("1", "fire"), alert("2", "fire")), [
      ["fileinto Alerts"],
      ["fileinto Alerts \\Seen"],
    ]);
  });

  test("§5.3: one notification for each sender and subject", async () => {
    const script = `require ["variables", "envelope", "enotify", "duplicate"];
      if envelope :matches "from" "*" { set "sender" "\${1}"; }
      if header :matches "subject" "*" { set "subject" "\${1}"; }
      if string :comparator "i;ascii-casemap" :matches "\${subject}" "Re:*" { set "subject" "\${1}"; }
      if not duplicate :seconds 1800 :uniqueid "\${sender} \${subject}" {
        notify :message "[SIEVE] \${sender}: \${subject}" "mailto:user@im.example.com";
      }`;
    const about = (id: string, subject: string) => withId(id, `Subject: ${subject}`);
    const told = await inTurn(script, about("1", "a"), about("2", "a"), about("3", "b"));
    assert.deepEqual(
      told.map((actions) => actions.length),
      [2, 1, 2],
    );
  });

  test("§5.4: two memories that know nothing of each other", async () => {
    const script = `require ["duplicate", "imap4flags"];
      if duplicate :header "X-Event-ID" :handle "notifier" { discard; }
      if allof (duplicate :header "X-Ticket-ID" :handle "support",
                address "to" "me@company.example.com",
                header :contains "subject" "fileserver") {
        setflag "\\\\seen";
      }`;
    const event = withId("1", "X-Event-ID: 7");
    const ticket = (id: string) => withId(id, "X-Ticket-ID: 7", "Subject: fileserver");
    assert.deepEqual(await inTurn(script, event, ticket("2"), ticket("3"), event), [
      ["implicit keep"],
      ["implicit keep"],
      ["implicit keep \\Seen"],
      ["discard"],
    ]);
  });
});
