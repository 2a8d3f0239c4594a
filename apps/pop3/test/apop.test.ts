import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { startTestServer } from "./test-server.ts";

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

test("APOP takes the digest of the greeting's timestamp and the secret, without TLS (RFC 1939 §7)", async () => {
  await using server = await startTestServer({ pop3: "apop = true", isPlaintextAllowed: false });
  const first = await talk();
  const [timestamp = ""] = /<[\da-f]{32}@mail\.example\.test>/.exec(first.greeting) ?? [];
  const right = md5(`${timestamp}tanstaaf`);
  assert.match(await first.say("APOP mrose"), /^-ERR APOP needs a digest/);
  assert.match(await first.say("APOP mrose tanstaaf"), /^-ERR Expected a digest/);
  assert.match(await first.say(`APOP mrose ${md5("tanstaaf")}`), /^-ERR \[AUTH\]/);
  assert.match(await first.say(`APOP ann ${right}`), /^-ERR \[AUTH\]/);
  assert.match(await first.say(`APOP mrose ${right.toUpperCase()}`), /^\+OK The maildrop has 0/);

  // What was overheard is of no use: the next greeting has another timestamp.
  const second = await talk();
  assert.match(await second.say(`APOP mrose ${right}`), /^-ERR \[AUTH\]/);

  async function talk() {
    const socket = await server.connect();
    const next = async () => String((await once(socket, "data"))[0]);
    return {
      greeting: await next(),
      say: async (line: string) => {
        socket.write(`${line}\r\n`);
        return await next();
      },
    };
  }
});
