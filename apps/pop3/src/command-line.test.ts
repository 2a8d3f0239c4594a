import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandFailure } from "@posthouse/session";
import fc from "fast-check";
import { CommandLine } from "./command-line.ts";

test("whatever a client sends, reading it throws nothing but CommandFailure", () => {
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
    fc.string({ unit: "grapheme-ascii", maxLength: 300 }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(line, (octets) => {
      try {
        const args = new CommandLine(octets);
        assert.equal(args.name, args.name.toUpperCase());
        assert.ok(args.number("a number") >= 0);
        args.optionalNumber("a number");
        args.end();
      } catch (error) {
        assert.ok(error instanceof CommandFailure, String(error));
      }
    }),
  );
});

test("text() takes all that follows the first space", () => {
  assert.equal(
    new CommandLine(Buffer.from("pass  two  words ")).text("a password"),
    " two  words ",
  );
});
