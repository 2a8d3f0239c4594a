import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { formatEntryId } from "../../packages/queue/src/entry-id.ts";
import { formatHeader, formatRecord } from "../../packages/queue/src/spool-format.ts";

export interface SpoolLoad {
  readonly messages: number;
  readonly messageBytes: number;
  /** Taken in turn. */
  readonly domains: readonly string[];
  /** They wait until then. */
  readonly holdUntilMs?: number;
}

/** A spool as a writer leaves it, but not synced: for what comes after it, that is the same. */
export function fillSpool(queueDirectory: string, load: SpoolLoad): void {
  const ready = join(queueDirectory, "ready");
  mkdirSync(ready, { recursive: true });
  const nowMs = Date.now();
  for (let n = 0; n < load.messages; n += 1) {
    const messageId = `b${n.toString(36).padStart(8, "0")}`;
    const message = messageOf(messageId, load.messageBytes);
    const address = `user${n}@${load.domains[n % load.domains.length]}`;
    const envelope = {
      version: 1,
      messageId,
      receivedAtMs: nowMs,
      client: { address: "192.0.2.1", helo: "client.bench.test", protocol: "ESMTP" },
      reversePath: `sender${n % 1000}@bench.test`,
      recipients: [{ address, originalAddress: address, isLocal: false }],
      body: "7BIT",
      smtpUtf8: false,
      requireTls: false,
      priority: 0,
      verdicts: {},
      ...(load.holdUntilMs !== undefined && { holdUntilMs: load.holdUntilMs }),
    } as const;
    const header = formatHeader({ messageBytes: message.length, messageCrc: crc32(message) });
    const octets = Buffer.concat([header, message, formatRecord({ type: "envelope", envelope })]);
    writeFileSync(join(ready, formatEntryId(messageId)), octets);
  }
}

function messageOf(messageId: string, bytes: number): Buffer {
  const header = `From: <sender@bench.test>\r\nSubject: ${messageId}\r\nMessage-ID: <${messageId}@bench.test>\r\n\r\n`;
  const lines = Math.max(1, Math.ceil((bytes - header.length) / 66));
  return Buffer.from(header + `${"x".repeat(64)}\r\n`.repeat(lines), "latin1");
}
