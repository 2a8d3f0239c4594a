import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  FrameDecoder,
  FrameError,
  formatFrame,
  parseAnswer,
  parseRequest,
} from "../src/socket/frame.ts";

test("frames come out as they went in, however the octets are cut", () => {
  const request = fc.record({
    id: fc.nat(),
    method: fc.string({ unit: "grapheme" }),
    params: fc.dictionary(fc.string(), fc.jsonValue()),
  });
  fc.assert(
    fc.property(
      fc.array(request),
      fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
      (all, cuts) => {
        const octets = Buffer.from(all.map(formatFrame).join(""));
        const decoder = new FrameDecoder(100_000);
        const lines: Buffer[] = [];
        for (let at = 0; at < octets.length; ) {
          const length = cuts.next().value ?? 1;
          lines.push(...decoder.push(octets.subarray(at, at + length)));
          at += length;
        }
        const sent = all.map((one) => JSON.parse(JSON.stringify(one)) as unknown);
        assert.deepEqual(lines.map(parseRequest), sent);
      },
    ),
  );
});

test("whatever arrives is a frame or a FrameError", () => {
  const octets = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
    fc.string().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(octets, (line) => {
      for (const parse of [parseRequest, parseAnswer]) {
        try {
          parse(line);
        } catch (error) {
          assert.ok(error instanceof FrameError);
        }
      }
    }),
  );
});

test("a line may be as long as the limit and not an octet longer, in one piece or many", () => {
  assert.equal(new FrameDecoder(5).push(Buffer.from("12345\n123")).length, 1);
  assert.throws(() => new FrameDecoder(5).push(Buffer.from("123456")), FrameError);
  const decoder = new FrameDecoder(5);
  decoder.push(Buffer.from("123"));
  assert.throws(() => decoder.push(Buffer.from("456\n")), FrameError);
});

const badRequests = [
  "",
  "[]",
  "null",
  '{"id":-1,"method":"x"}',
  '{"id":1.5,"method":"x"}',
  '{"method":"x"}',
  '{"id":1}',
  '{"id":1,"method":"x","params":[]}',
  "\xff",
];
for (const line of badRequests) {
  test(`parseRequest() refuses ${JSON.stringify(line)}`, () => {
    assert.throws(() => parseRequest(Buffer.from(line, "latin1")), FrameError);
  });
}
