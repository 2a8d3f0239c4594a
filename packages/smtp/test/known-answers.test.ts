import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { knownAnswer } from "../src/known-answers.ts";

/** As the providers said them, with their own codes; numbers of addresses are examples. */
const answers = [
  // Google
  [
    "550 5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup",
    "no-ptr",
  ],
  [
    "550 5.7.1 [2001:db8::1] Our system has detected that this message does not meet IPv6 sending guidelines regarding PTR records and authentication",
    "no-ptr",
  ],
  [
    "550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy",
    "dmarc",
  ],
  [
    "550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM",
    "dmarc",
  ],
  [
    "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail. To protect our users from spam, mail has been temporarily rate limited",
    "rate-limit",
  ],
  [
    "550 5.7.1 [192.0.2.1] Gmail has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked",
    "content",
  ],
  [
    "550 5.7.1 [192.0.2.1] Gmail has detected that this message is likely suspicious due to the very low reputation of the sending IP address",
    "block-list",
  ],
  [
    "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered",
    "rate-limit",
  ],
  ["552 5.2.2 The email account that you tried to reach is over quota", "mailbox-full"],
  ["550 5.1.1 The email account that you tried to reach does not exist", "no-such-user"],
  [
    "552 5.7.0 This message was blocked because its content presents a potential security issue",
    "content",
  ],
  // Microsoft
  [
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150)",
    "block-list",
  ],
  [
    "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1",
    "spamhaus",
  ],
  [
    "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation (S775)",
    "rate-limit",
  ],
  [
    "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification and has a DMARC policy of reject",
    "dmarc",
  ],
  ["550 5.5.0 Requested action not taken: mailbox unavailable", "no-such-user"],
  [
    "550 5.7.515 Access denied, sending domain example.org doesn't meet the required authentication level",
    "bad-sender",
  ],
  ["550 5.4.1 Recipient address rejected: Access denied", undefined],
  // Yahoo and AOL
  [
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
    "block-list",
  ],
  [
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list",
    "spamhaus",
  ],
  [
    "554 delivery error: dd This user doesn't have a yahoo.com account (bob@yahoo.com)",
    "no-such-user",
  ],
  // Apple
  ["550 5.7.1 [CS01] Message rejected due to local policy", "block-list"],
  ["554 5.7.1 [HM08] Message rejected due to local policy", "block-list"],
  ["452 4.2.2 Over quota", "mailbox-full"],
  // GMX and web.de
  ["554 Transaction failed Reject due to policy restrictions. No PTR record", "no-ptr"],
  ["554 Bad DNS PTR resource record", "no-ptr"],
  ["421 Rate limit reached. Please try again later", "rate-limit"],
  [
    "550 Benutzer hat das Speichervolumen ueberschritten. / User has exhausted allowed storage space",
    "mailbox-full",
  ],
  // Telekom
  [
    "554 IP=192.0.2.1 - None/bad reputation. Ask your postmaster for help or to contact tosa@rx.t-online.de for reset",
    "block-list",
  ],
  // Postfix, Exim, Dovecot, postgrey and the like
  ["450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", "no-ptr"],
  [
    "450 4.2.0 <bob@example.net>: Recipient address rejected: Greylisted, see http://postgrey.example",
    "greylisting",
  ],
  [
    "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
    "no-such-user",
  ],
  ["554 5.7.1 <bob@example.net>: Relay access denied", "no-relay"],
  ["552 5.3.4 Message size exceeds fixed limit", "too-large"],
  ["530 5.7.0 Must issue a STARTTLS command first", "tls-needed"],
  ["550 SPF check failed", "spf"],
  ["550 5.7.23 The message was rejected because of Sender Policy Framework violation", "spf"],
  ["450 4.1.8 <ann@example.org>: Sender address rejected: Domain not found", "bad-sender"],
  ["421 4.7.0 Error: too many connections from 192.0.2.1", "rate-limit"],
  // What nobody can know more of
  ["451 4.3.0 Temporary local problem", undefined],
  ["250 2.0.0 OK: not greylisted", undefined],
] as const;

for (const [said, id] of answers) {
  test(`knownAnswer(): "${said.slice(0, 90)}" is ${id ?? "nothing known"}`, () => {
    const [, code = "", enhanced, text = ""] =
      /^(\d{3}) (?:(\d\.\d+\.\d+) )?(.*)$/.exec(said) ?? [];
    const reply = { code: Number(code), text, ...(enhanced !== undefined && { enhanced }) };
    assert.equal(knownAnswer(reply)?.id, id);
  });
}

test("knownAnswer() takes any text, in no time", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5000 }), (text) => {
      knownAnswer({ code: 550, text });
    }),
  );
  for (const word of ["too ", "message ", "spam", "sender ", "-- first time "]) {
    knownAnswer({ code: 550, text: word.repeat(100_000) });
  }
});
