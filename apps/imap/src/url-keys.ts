import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { AccountMail } from "@posthouse/mailbox-store";

/**
 * The mailbox access keys of URLAUTH (RFC 4467): who has one can make URLs that open messages of that mailbox,
 * until the key is replaced.
 *
 * A key is a private annotation of its mailbox. So it is a file of the account like all else that is not in
 * messages, goes along when the mailbox is renamed, goes with it when it is deleted, and a deleted key is
 * gone also from an index that is made anew. Its owner could read it there, and make no URL with it that
 * GENURLAUTH would refuse him.
 */
const keyEntry = "/private/vendor/posthouse/urlauth-key";

/** Stands before the signature, so that another way to sign can come and both be told apart. */
const algorithm = "01";

const keyBytes = 32;

/** Makes one where there is none. */
export async function signUrl(mail: AccountMail, name: string, rump: string): Promise<string> {
  const key = (await readKey(mail, name)) ?? (await resetKey(mail, name));
  return algorithm + signature(key, rump);
}

/** Whether `token` is what signUrl() gave for this URL, with the key of now. */
export async function isSignedUrl(
  mail: AccountMail,
  name: string,
  { rump, token }: { readonly rump: string; readonly token: string },
): Promise<boolean> {
  const key = await readKey(mail, name);
  if (key === undefined) return false;
  const expected = Buffer.from(algorithm + signature(key, rump));
  const given = Buffer.from(token.toLowerCase());
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Another key: what was signed with the one before opens nothing any more. */
export async function resetKey(mail: AccountMail, name: string): Promise<Uint8Array> {
  const value = randomBytes(keyBytes);
  await mail.setAnnotations(name, [{ entry: keyEntry, value: Buffer.from(value.toString("hex")) }]);
  return Buffer.from(value.toString("hex"));
}

/** No key: nothing that was signed opens anything. */
export async function removeKey(mail: AccountMail, name: string): Promise<void> {
  if ((await readKey(mail, name)) === undefined) return;
  await mail.setAnnotations(name, [{ entry: keyEntry }]);
}

async function readKey(mail: AccountMail, name: string): Promise<Uint8Array | undefined> {
  const { found } = await mail.annotations(name, { entries: [keyEntry] });
  const key = found[0]?.value;
  // A key that somebody set to something short would sign nothing worth the name.
  return key !== undefined && key.length >= keyBytes ? key : undefined;
}

const signature = (key: Uint8Array, rump: string): string =>
  createHmac("sha256", key).update(rump, "utf8").digest("hex");
