import assert from "node:assert/strict";
import { test } from "node:test";
import type { WireConnection } from "@posthouse/wire";
import { limits } from "../src/limits.ts";
import { tellProgress } from "../src/progress.ts";
import { ResponseWriter } from "../src/response-writer.ts";

/** What of a connection a writer needs to be heard. */
function heardWriter() {
  const heard: string[] = [];
  const write = (octets: Uint8Array) => void heard.push(Buffer.from(octets).toString("latin1"));
  const connection = { write, flush: async () => undefined } as unknown as WireConnection;
  return { heard, output: new ResponseWriter(connection) };
}

test("a long command says that it is still running, until it is done", ({ mock }) => {
  mock.timers.enable({ apis: ["setInterval"] });
  const { heard, output } = heardWriter();
  const progress = tellProgress("A001", output);
  mock.timers.tick(limits.inProgressMs);
  assert.deepEqual(heard, ['* OK [INPROGRESS ("A001" NIL NIL)] Still working\r\n']);
  progress[Symbol.dispose]();
  mock.timers.tick(2 * limits.inProgressMs);
  assert.equal(heard.length, 1);
});

test("nothing is said in the middle of an answer or before the octets of a literal", ({ mock }) => {
  mock.timers.enable({ apis: ["setInterval"] });
  const { heard, output } = heardWriter();
  using _progress = tellProgress("A]1", output);
  for (const piece of ["* SEARCH", " 1 2", "\r\n* 1 FETCH (BODY[] {2}\r\n"]) {
    output.write(piece);
    mock.timers.tick(limits.inProgressMs);
  }
  output.writeOctets(Buffer.from("\r\n"));
  mock.timers.tick(limits.inProgressMs);
  assert.doesNotMatch(heard.join(""), /INPROGRESS/);
  output.write(")\r\n");
  mock.timers.tick(limits.inProgressMs);
  assert.match(heard.join(""), /\)\r\n\* OK \[INPROGRESS \(NIL NIL NIL\)\] Still working\r\n$/);
});
