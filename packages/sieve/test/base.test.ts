import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide, holds, messageOf } from "./sieve-run.ts";

/** The examples of RFC 5228, each by its section. */
describe("RFC 5228", () => {
  const coyote = messageOf(
    "From: coyote@desert.example.org",
    "To: roadrunner@acme.example.com",
    "Subject: I have a present for you",
    "",
    "Look, I'm sorry about the whole anvil thing, and I really",
  );
  const carol = messageOf(
    "From: youcouldberich!@reply-by-postal-mail.invalid",
    "To: rm@example.com",
    "Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$",
    "",
    "YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS, BUT I DOUBT IT!",
  );

  test("§2.10.2: nothing said is an implicit keep", async () => {
    assert.deepEqual(await decide(""), ["implicit keep"]);
    assert.deepEqual(await decide("# a comment\r\n/* and\r\nanother */"), ["implicit keep"]);
  });

  test("§3.1: example A, if and elsif", async () => {
    const script = `require "fileinto";
      if header :contains "from" "coyote" {
        discard;
      } elsif header :contains ["subject"] ["$$$"] {
        discard;
      } else {
        fileinto "INBOX";
      }`;
    assert.deepEqual(await decide(script, { message: coyote }), ["discard"]);
    assert.deepEqual(await decide(script, { message: carol }), ["discard"]);
    assert.deepEqual(await decide(script, { message: messageOf("From: a@b.example", "", "x") }), [
      "fileinto INBOX",
    ]);
  });

  test("§3.1: example B, redirects by the place of a message", async () => {
    const script = `if header :contains ["From"] ["coyote"] {
        redirect "acm@example.com";
      } elsif header :contains "Subject" "$$$" {
        redirect "postmaster@example.com";
      } else {
        redirect "field@example.com";
      }`;
    assert.deepEqual(await decide(script, { message: coyote }), ["redirect acm@example.com"]);
    assert.deepEqual(await decide(script, { message: carol }), ["redirect postmaster@example.com"]);
  });

  test("§4.2, §4.3, §4.4: redirect and discard take the implicit keep away, keep says it", async () => {
    assert.deepEqual(await decide('redirect "bart@example.com";'), ["redirect bart@example.com"]);
    assert.deepEqual(await decide("keep;"), ["keep"]);
    assert.deepEqual(
      await decide('if header :contains ["from"] ["idiot@example.com"] { discard; }'),
      ["implicit keep"],
    );
    assert.deepEqual(await decide("discard; keep;"), ["discard", "keep"]);
  });

  test("§2.10.3: the same mailbox twice is one message", async () => {
    const script = `require "fileinto"; fileinto "a"; fileinto "a"; fileinto "INBOX"; keep;`;
    assert.deepEqual(await decide(script), ["fileinto a", "fileinto INBOX"]);
  });

  test("§5.4: the envelope", async () => {
    const surroundings = { envelope: { from: "tim@example.com", to: "a+b@example.org" } };
    const test_ = 'envelope :all :is "from" "tim@example.com"';
    assert.equal(await holds(["envelope"], test_, { surroundings }), true);
    const none = { envelope: { from: "", to: "a@b" } };
    assert.equal(
      await holds(["envelope"], 'envelope :domain "from" ""', { surroundings: none }),
      true,
    );
  });

  test("§9: the extended example", async () => {
    const script = `
      require ["fileinto"];
      # Handle messages from known mailing lists
      # Move messages from IETF filter discussion list to filter mailbox
      if header :is "Sender" "owner-ietf-mta-filters@imc.org"
              {
              fileinto "filter";  # move to "filter" mailbox
              }
      # Keep all messages to or from people in my company
      elsif address :DOMAIN :is ["From", "To"] "example.com"
              {
              keep;               # keep in "In" mailbox
              }
      # Try and catch unsolicited email.  If a message is not to me,
      # or it contains a subject known to be spam, file it away.
      elsif anyof (NOT address :all :contains
                     ["To", "Cc", "Bcc"] "me@example.com",
                   header :matches "subject"
                     ["*make*money*fast*", "*university*dipl*mas*"])
              {
              fileinto "spam";   # move to "spam" mailbox
              }
      else
              {
              # Move all other (non-company) mail to "personal" mailbox.
              fileinto "personal";
              }`;
    const filed = async (...fields: string[]) =>
      await decide(script, { message: messageOf(...fields, "", "text") });
    assert.deepEqual(await filed("Sender: owner-ietf-mta-filters@imc.org"), ["fileinto filter"]);
    assert.deepEqual(await filed("From: Boss <boss@EXAMPLE.com>"), ["keep"]);
    assert.deepEqual(await filed("From: a@b.example", "To: someone@else.example"), [
      "fileinto spam",
    ]);
    assert.deepEqual(
      await filed(
        "From: a@b.example",
        "To: me@example.com.invalid",
        "Subject: make MONEY real fast",
      ),
      ["fileinto spam"],
    );
    assert.deepEqual(
      await filed("From: a@b.example", "Cc: me@example.com.invalid", "Subject: hi"),
      ["fileinto personal"],
    );
  });

  const tests: readonly (readonly [name: string, test: string, expected: boolean])[] = [
    ["§2.7.1 :is", 'header :is "subject" "i have a present for you"', true],
    ["§2.7.1 :is of a part", 'header :is "subject" "present"', false],
    ["§2.7.1 :contains", 'header :contains "subject" "PRESENT"', true],
    ["§2.7.1 :matches", 'header :matches "subject" "I*p?esent*"', true],
    [
      "§2.7.1 an empty key is contained in a field that is there",
      'header :contains "subject" ""',
      true,
    ],
    ["§2.7.1 and in none that is not", 'header :contains "x-none" ""', false],
    [
      "§2.7.3 i;octet has case",
      'header :comparator "i;octet" :contains "subject" "PRESENT"',
      false,
    ],
    ["§5.1 localpart", 'address :localpart "from" "COYOTE"', true],
    ["§5.1 domain", 'address :domain :is "from" "desert.example.org"', true],
    ["§5.2 allof", "allof (true, true, false)", false],
    ["§5.3 anyof", "anyof (false, not true, true)", true],
    ["§5.5 exists", 'exists ["From", "Subject"]', true],
    ["§5.5 exists all", 'exists ["From", "X-None"]', false],
    ["§5.9 size over", "size :over 1K", false],
    ["§5.9 size under", "size :under 1M", true],
  ];
  for (const [name, text, expected] of tests) {
    test(name, async () => {
      assert.equal(await holds([], text), expected);
    });
  }

  test("§2.4.2.4: encoded characters", async () => {
    const required = 'require ["encoded-character", "fileinto"];';
    const filed = async (name: string) => (await decide(`${required} fileinto "${name}";`))[0];
    assert.equal(await filed("$${hex:40}"), "fileinto $@");
    assert.equal(await filed("${hex: 40 }"), "fileinto @");
    assert.equal(await filed("${HEX: 40}"), "fileinto @");
    assert.equal(await filed("${hex:40"), "fileinto ${hex:40");
    assert.equal(await filed("${hex:400}"), "fileinto ${hex:400}");
    assert.equal(await filed("${hex:4${hex:30}}"), "fileinto ${hex:40}");
    assert.equal(await filed("${unicode:40}"), "fileinto @");
    assert.equal(await filed("${ unicode:40}"), "fileinto ${ unicode:40}");
    assert.equal(await filed("${UNICODE:40}"), "fileinto @");
    assert.equal(await filed("${UnICoDE:0000040}"), "fileinto @");
    assert.equal(await filed("${Unicode:40}"), "fileinto @");
    assert.equal(await filed("${Unicode:Cool}"), "fileinto ${Unicode:Cool}");
  });
});
