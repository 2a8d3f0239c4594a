import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePlain, decodeSaslResponse, LoginExchange, SaslError } from "../src/index.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("PLAIN as in the examples of RFC 4616 §4", () => {
  assert.deepEqual(decodePlain(base64("\0tim\0tanstaaftanstaaf")), {
    authorizationId: "",
    username: "tim",
    password: "tanstaaftanstaaf",
  });
  // The second example asks to act as Ursel with the password of Kurt: nobody may here.
  assert.throws(() => decodePlain(base64("Ursel\0Kurt\0xipj3plmq")), { code: "not-authorized" });
});

test("PLAIN takes an authorization identity that is the login", () => {
  const { authorizationId, username } = decodePlain(Buffer.from("Ann@x\0ann@x\0secret"));
  assert.deepEqual([authorizationId, username], ["Ann@x", "ann@x"]);
});

const malformed: { name: string; response: string | Uint8Array }[] = [
  { name: "text that is not base64", response: "not base64!" },
  { name: "base64 without its padding", response: "AGEAYg" },
  { name: "base64 with a space", response: "AGEA Yg=" },
  { name: "padding in the middle", response: "AG==AGI=" },
  { name: "nothing", response: "=" },
  { name: "no user name", response: base64("\0\0secret") },
  { name: "no password", response: base64("\0ann\0") },
  { name: "one field too few", response: base64("ann\0secret") },
  { name: "a NUL in the password", response: base64("\0ann\0sec\0ret") },
  { name: "octets that are not UTF-8", response: Buffer.from("\0ann\0\xff", "latin1") },
  { name: "more than any password is long", response: "A".repeat(8196) },
];

for (const { name, response } of malformed) {
  test(`PLAIN refuses ${name}`, () => {
    assert.throws(() => decodePlain(response), { name: "SaslError", code: "malformed" });
  });
}

test('a "*" cancels', () => {
  assert.throws(() => decodePlain("*"), { code: "cancelled" });
  assert.throws(() => new LoginExchange().start("*"), { code: "cancelled" });
});

test("PLAIN decodes what was encoded, and throws nothing but SaslError", () => {
  const field = fc
    .string({ unit: "grapheme", minLength: 1 })
    .filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(field, field, (username, password) => {
      const decoded = decodePlain(base64(`\0${username}\0${password}`));
      assert.deepEqual(decoded, { authorizationId: "", username, password });
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.uint8Array()), (response) => {
      try {
        decodePlain(response);
      } catch (error) {
        assert.ok(error instanceof SaslError);
      }
    }),
  );
});

test("LOGIN asks for a name and then for a password", () => {
  const exchange = new LoginExchange();
  assert.deepEqual(exchange.start(), { kind: "challenge", challenge: "VXNlcm5hbWU6" });
  const second = exchange.respond(base64("ann"));
  assert.deepEqual(second, { kind: "challenge", challenge: "UGFzc3dvcmQ6" });
  const done = exchange.respond(Buffer.from(base64("sécret")));
  assert.deepEqual(done, { kind: "done", username: "ann", password: "sécret" });
});

test("LOGIN takes the name along with the command", () => {
  assert.deepEqual(new LoginExchange().start(base64("ann")), {
    kind: "challenge",
    challenge: "UGFzc3dvcmQ6",
  });
});

test("LOGIN refuses an empty name and an empty password", () => {
  assert.throws(() => new LoginExchange().start("="), { code: "malformed" });
  const exchange = new LoginExchange();
  exchange.start(base64("ann"));
  assert.throws(() => exchange.respond(""), { code: "malformed" });
});

test('"=" is an empty response and not a broken one', () => {
  assert.equal(decodeSaslResponse("=").length, 0);
});
