import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeXtext,
  type Envelope,
  EnvelopeError,
  type EnvelopeParameters,
  envelopeToLmtpParameters,
  envelopeToSmtpParameters,
  type LmtpRecipient,
  lmtpParametersToEnvelope,
} from "@posthouse/smtp";
import fc from "fast-check";

const text = fc.string({
  unit: fc.constantFrom("a", "Z", "0", "@", ".", "+", "=", " ", "é", "中"),
  maxLength: 20,
});
const notify = fc.constantFrom<NonNullable<LmtpRecipient["notify"]>[]>(
  ["NEVER"],
  ["SUCCESS", "DELAY"],
  ["FAILURE"],
);

const envelopes: fc.Arbitrary<Envelope> = fc.record(
  {
    version: fc.constant(1 as const),
    messageId: text,
    receivedAtMs: fc.nat(),
    client: fc.record(
      {
        address: text,
        helo: text,
        protocol: text,
        tls: fc.record({ version: text, cipher: text }, { noNullPrototype: true }),
      },
      { requiredKeys: ["address", "helo", "protocol"], noNullPrototype: true },
    ),
    authenticatedAs: text,
    reversePath: text,
    recipients: fc.array(
      fc.record(
        {
          address: text,
          originalAddress: text,
          isLocal: fc.constant(true),
          notify,
          orcpt: text.map((address) => `utf-8;x${address}`),
        },
        { requiredKeys: ["address", "originalAddress", "isLocal"], noNullPrototype: true },
      ),
      { minLength: 1, maxLength: 4 },
    ),
    body: fc.constantFrom("7BIT", "8BITMIME", "BINARYMIME"),
    smtpUtf8: fc.boolean(),
    ret: fc.constantFrom("FULL", "HDRS"),
    envid: text,
    requireTls: fc.boolean(),
    priority: fc.integer({ min: -9, max: 9 }),
    deliverBy: fc.record(
      { atMs: fc.nat(), mode: fc.constantFrom("R", "N"), trace: fc.boolean() },
      { noNullPrototype: true },
    ),
    holdUntilMs: fc.nat(),
    verdicts: fc.dictionary(fc.constantFrom("spf", "dkim", "dmarc"), text, {
      noNullPrototype: true,
    }),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      "version",
      "messageId",
      "receivedAtMs",
      "client",
      "reversePath",
      "recipients",
      "body",
      "smtpUtf8",
      "requireTls",
      "priority",
      "verdicts",
    ],
  },
) as fc.Arbitrary<Envelope>;

/** What the server makes of the parameters of a client. */
function received({ recipients }: EnvelopeParameters): LmtpRecipient[] {
  return recipients.map(({ address, parameters = {} }) => {
    const { XORIGINAL, NOTIFY, ORCPT } = parameters;
    return {
      address,
      privateParameters: new Map([["XORIGINAL", String(XORIGINAL)]]),
      ...(NOTIFY === undefined ? {} : { notify: String(NOTIFY).split(",") as never }),
      ...(ORCPT === undefined ? {} : { orcpt: decodeXtext(String(ORCPT)) ?? assert.fail() }),
    };
  });
}

test("an envelope comes out of the LMTP hop as it went in", () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      const parameters = envelopeToLmtpParameters(envelope);
      const xenvelope = String(parameters.mailParameters.XENVELOPE);
      assert.match(xenvelope, /^[A-Za-z0-9_-]+$/);
      const mail = {
        reversePath: envelope.reversePath,
        privateParameters: new Map([["XENVELOPE", xenvelope]]),
      };
      assert.deepEqual(lmtpParametersToEnvelope(mail, received(parameters)), envelope);
    }),
  );
});

const [example] = fc.sample(envelopes, { numRuns: 1, seed: 1 }) as [Envelope];

const read = (head: unknown, reversePath = ""): Envelope => {
  const xenvelope = Buffer.from(typeof head === "string" ? head : JSON.stringify(head)).toString(
    "base64url",
  );
  return lmtpParametersToEnvelope(
    { reversePath, privateParameters: new Map([["XENVELOPE", xenvelope]]) },
    [],
  );
};

const wrong: { name: string; head: unknown }[] = [
  { name: "no JSON", head: "{" },
  { name: "null", head: "null" },
  { name: "an array", head: [] },
  { name: "a later version", head: { ...example, version: 2 } },
  { name: "another reverse-path than MAIL FROM", head: { ...example, reversePath: "x@evil.test" } },
  { name: "a body that there is not", head: { ...example, reversePath: "", body: "9BIT" } },
  { name: "a line end in a text", head: { ...example, reversePath: "", messageId: "a\r\nb" } },
  {
    name: "a verdict that is no text",
    head: { ...example, reversePath: "", verdicts: { spf: {} } },
  },
  { name: "a time that is no number", head: { ...example, reversePath: "", receivedAtMs: "1" } },
];
for (const { name, head } of wrong) {
  test(`XENVELOPE with ${name} is refused`, () => {
    assert.throws(() => read(head), EnvelopeError);
  });
}

test("XENVELOPE takes any text without throwing anything else", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (head) => {
      try {
        read(head);
      } catch (error) {
        assert.ok(error instanceof EnvelopeError);
      }
    }),
  );
});

test("MAIL without XENVELOPE, and XORIGINAL that is no xtext, are refused", () => {
  const nothing = { reversePath: "", privateParameters: new Map<string, string>() };
  assert.throws(() => lmtpParametersToEnvelope(nothing, []), EnvelopeError);
  const [head, privateParameters] = [
    { ...example, reversePath: "" },
    new Map([["XORIGINAL", "+"]]),
  ];
  const xenvelope = Buffer.from(JSON.stringify(head)).toString("base64url");
  const mail = { reversePath: "", privateParameters: new Map([["XENVELOPE", xenvelope]]) };
  assert.throws(
    () => lmtpParametersToEnvelope(mail, [{ address: "a", privateParameters }]),
    EnvelopeError,
  );
});

test("an envelope that is too large for a command is refused before it is sent", () => {
  const large = { ...example, verdicts: { filter: "x".repeat(9000) } };
  assert.throws(() => envelopeToLmtpParameters(large), EnvelopeError);
});

test("other hosts get the parameters of the standards, and BY counts from now (RFC 2852 §4)", () => {
  const { ret: _ret, ...rest } = example;
  const envelope: Envelope = {
    ...rest,
    ret: "HDRS",
    envid: "a+b",
    requireTls: true,
    priority: -3,
    deliverBy: { atMs: 100_000, mode: "N", trace: true },
    recipients: [
      {
        address: "a@b",
        originalAddress: "o@b",
        isLocal: false,
        notify: ["SUCCESS", "FAILURE"],
        orcpt: "rfc822;o=@b",
      },
    ],
  };
  assert.deepEqual(envelopeToSmtpParameters(envelope, 40_000), {
    mailParameters: {
      RET: "HDRS",
      ENVID: "a+2Bb",
      REQUIRETLS: true,
      "MT-PRIORITY": "-3",
      BY: "60;NT",
    },
    recipients: [
      { address: "a@b", parameters: { NOTIFY: "SUCCESS,FAILURE", ORCPT: "rfc822;o+3D@b" } },
    ],
  });
});
