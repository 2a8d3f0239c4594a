import { hash } from "node:crypto";
import {
  encodePartTree,
  headerValue,
  imapBody,
  imapBodyStructure,
  imapEnvelope,
  type MessagePart,
  parseMessageIds,
} from "@posthouse/message";
import type { DetailsRow } from "./index/rows.ts";

/** The wide columns of one message, from what its scanner found and the SHA-256 of its octets. */
export function detailsOf(header: Uint8Array, part: MessagePart, sha256: Buffer): DetailsRow {
  return {
    envelope: imapEnvelope(header),
    bodyStructure: imapBodyStructure(part),
    body: imapBody(part),
    parts: encodePartTree(part),
    emailId: sha256,
    threadId: threadKey(header) ?? sha256,
  };
}

/** EMAILID and THREADID as they are told: objectid of RFC 8474 §4.3. */
export function objectId(prefix: "M" | "T", octets: Uint8Array): string {
  return (
    prefix + Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("base64url")
  );
}

/**
 * What all messages of a thread have in common as a rule: the first Message-ID of References, else of
 * In-Reply-To, else its own (RFC 8474 §5.2). undefined for a message with none: it is its own thread.
 */
function threadKey(header: Uint8Array): Buffer | undefined {
  for (const name of ["References", "In-Reply-To", "Message-ID"]) {
    const value = headerValue(header, name);
    const first = value === undefined ? undefined : parseMessageIds(value)[0];
    if (first !== undefined) return hash("sha256", first, "buffer").subarray(0, 18);
  }
  return undefined;
}
