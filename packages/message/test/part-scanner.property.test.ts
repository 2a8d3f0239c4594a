import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodePartTree,
  encodePartTree,
  imapBody,
  imapBodyStructure,
  imapEnvelope,
  type MessagePart,
  PartScanner,
  PartTreeError,
  parseHeader,
  scanParts,
  selectHeaderFields,
} from "../src/index.ts";
import { binary, octets } from "./message-text.ts";

/** Lines that make trees: short boundaries, so that they meet each other. */
const line = fc.oneof(
  fc.constantFrom(
    "",
    "--a",
    "--a--",
    "--ab",
    "--ab--",
    "--ab ",
    "-",
    "--",
    "text",
    "Content-Type: multipart/mixed; boundary=a",
    "Content-Type: multipart/digest; boundary=ab",
    "Content-Type: message/rfc822",
    "Content-Type: text/html;",
    ' name*0="x',
    "Subject: =?utf-8?q?=C3=A4?=",
    "From: A <a@b.c>, g: d@e;",
    "Content-Disposition: attachment; filename=\xe4",
    "\r",
    "\0",
  ),
  fc.string({ maxLength: 12 }),
);
const lineEnd = fc.oneof(
  { weight: 8, arbitrary: fc.constant("\r\n") },
  { weight: 1, arbitrary: fc.constant("\n") },
);
const messageText = fc
  .tuple(
    fc.constantFrom("", "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"),
    fc.array(fc.tuple(line, lineEnd), { maxLength: 40 }),
    fc.boolean(),
  )
  .map(([head, lines, isCut]) => {
    const text = head + lines.flat().join("");
    return octets(isCut ? text.slice(0, -1) : text);
  });
const anyOctets = fc.oneof(messageText, fc.uint8Array({ maxLength: 300 }));

test("the tree and all that is told about it are the same in whatever pieces the octets come", () => {
  fc.assert(
    fc.property(
      anyOctets,
      fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 20 }),
      fc.constantFrom("crlf" as const, "lf" as const),
      (whole, sizes, lineEnds) => {
        const atOnce = new PartScanner({ lineEnds });
        atOnce.push(whole);
        const scanner = new PartScanner({ lineEnds });
        for (let at = 0, turn = 0; at < whole.length; turn += 1) {
          const size = (sizes[turn % sizes.length] ?? 0) + 1;
          scanner.push(whole.slice(at, at + size));
          at += size;
        }
        assert.deepEqual(scanner.end(), atOnce.end());
        assert.deepEqual(scanner.header, atOnce.header);
        assert.equal(scanner.sizeBytes, atOnce.sizeBytes);
        assert.equal(scanner.hasNul, atOnce.hasNul);
        assert.equal(scanner.hasLoneLf, atOnce.hasLoneLf);
      },
    ),
    { numRuns: 500 },
  );
});

test("parts lie in their order inside the part that holds them", () => {
  fc.assert(
    fc.property(anyOctets, (whole) => {
      const root = scanParts(whole);
      assert.equal(root.headerStart, 0);
      assert.equal(root.bodyEnd, whole.length);
      checkNesting(root, whole);
    }),
    { numRuns: 500 },
  );
});

function checkNesting(part: MessagePart, whole: Uint8Array): void {
  assert.ok(part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd);
  const body = binary(whole.subarray(part.bodyStart, part.bodyEnd));
  assert.equal(part.lines, body.split("\n").length - 1);
  let before = part.bodyStart;
  for (const child of part.children) {
    assert.ok(child.headerStart >= before && child.bodyEnd <= part.bodyEnd);
    before = child.bodyEnd;
    checkNesting(child, whole);
  }
  // The grammar of RFC 9051 §9 has no multipart without a part, and no message without its body.
  if (part.type === "multipart") assert.ok(part.children.length > 0);
  const isMessage = part.type === "message" && /^(rfc822|global)$/.test(part.subtype);
  assert.equal(part.envelope !== undefined, isMessage);
  if (isMessage) assert.equal(part.children.length, 1);
}

test("counting lone LFs as CRLF gives what the CRLF form of the octets gives", () => {
  fc.assert(
    fc.property(anyOctets, (whole) => {
      const withCrlf = octets(binary(whole).replace(/\r?\n/g, "\r\n"));
      assert.deepEqual(scanParts(whole, { lineEnds: "lf" }), scanParts(withCrlf));
    }),
  );
});

test("a tree that is encoded decodes to itself", () => {
  fc.assert(
    fc.property(anyOctets, (whole) => {
      const tree = scanParts(whole);
      assert.deepEqual(decodePartTree(encodePartTree(tree)), tree);
    }),
  );
});

test("decodePartTree() throws nothing but PartTreeError", () => {
  const wellFormed = messageText.map((whole) => encodePartTree(scanParts(whole)));
  const damaged = fc.tuple(wellFormed, fc.nat(), fc.nat({ max: 255 })).map(([tree, at, octet]) => {
    tree[at % tree.length] = octet;
    return tree;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), damaged), (tree) => {
      try {
        decodePartTree(tree);
      } catch (error) {
        assert.ok(error instanceof PartTreeError);
      }
    }),
    { numRuns: 500 },
  );
});

test("answers to FETCH have balanced parentheses and exact literals, whatever the message", () => {
  fc.assert(
    fc.property(anyOctets, (whole) => {
      const tree = scanParts(whole);
      for (const answer of [imapEnvelope(whole), imapBodyStructure(tree), imapBody(tree)]) {
        assert.equal(endOfList(binary(answer)), answer.length);
      }
    }),
    { numRuns: 500 },
  );
});

/** Where the list that begins the text ends: a client's view of it. */
function endOfList(text: string): number {
  let depth = 0;
  let at = 0;
  do {
    const [token = ""] =
      /^(?:[()]| |NIL|\d+|"(?:[^"\\\r\n]|\\["\\])*"|\{\d+\}\r\n)/.exec(text.slice(at)) ?? [];
    assert.notEqual(token, "", `no token at ${at} of ${JSON.stringify(text)}`);
    at += token.length;
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (token.startsWith("{")) {
      const length = Number.parseInt(token.slice(1), 10);
      assert.ok(!text.slice(at, at + length).includes("\0"));
      at += length;
    }
  } while (depth > 0 && at < text.length);
  assert.equal(depth, 0);
  return at;
}

test("the fields of a header are its octets, cut up", () => {
  fc.assert(
    fc.property(anyOctets, (whole) => {
      const fields = parseHeader(whole);
      const end = fields.at(-1)?.end ?? 0;
      const joined = fields.map(({ raw }) => binary(raw)).join("");
      assert.equal(joined, binary(whole.subarray(0, end)));
      const all = binary(selectHeaderFields(whole, [], { not: true }));
      assert.equal(all, binary(whole.subarray(0, all.length)));
    }),
  );
});

test("decodePartTree() refuses a tree of another version, one that is cut off, and one with more behind it", () => {
  const tree = encodePartTree(scanParts(octets("Subject: x\r\n\r\ny")));
  for (const bad of [
    Uint8Array.of(2, ...tree.subarray(1)),
    tree.subarray(0, -1),
    Uint8Array.of(...tree, 0),
  ]) {
    assert.throws(() => decodePartTree(bad), PartTreeError);
  }
});
