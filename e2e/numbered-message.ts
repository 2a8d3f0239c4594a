import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

/** A message that tells which one it is and whether all of it is there. */
export function numberedMessage(number: number, bodyBytes: number, to: string): Buffer {
  const body = randomBytes(Math.ceil(bodyBytes / 2))
    .toString("hex")
    .replaceAll(/.{1,76}/g, "$&\r\n");
  const header = [
    "From: bob@example.test",
    `To: ${to}`,
    `Subject: number ${number}`,
    `X-Number: ${number}`,
    `X-Checksum: ${checksumOf(body)}`,
  ];
  return Buffer.from(`${header.join("\r\n")}\r\n\r\n${body}`);
}

/** Its number. Fails when a single octet of the body is another. */
export function numberOf(octets: Buffer): number {
  const text = octets.toString("latin1");
  const number = Number(/^X-Number: (\d+)\r$/m.exec(text)?.[1]);
  const checksum = /^X-Checksum: (\w+)\r$/m.exec(text)?.[1];
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  assert.equal(
    checksumOf(body),
    checksum,
    `Message ${number} of ${octets.length} octets is damaged`,
  );
  return number;
}

const checksumOf = (body: string): string => createHash("sha256").update(body).digest("hex");
