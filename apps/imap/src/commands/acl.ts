import { StoreError } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn } from "../command.ts";
import {
  allRights,
  anyone,
  effectiveRights,
  formatRights,
  ownersRights,
  parseRights,
} from "../mailboxes/rights.ts";
import type { Place } from "../mailboxes/user-mail.ts";
import { bad, no } from "../response.ts";
import type { Services } from "../services.ts";
import { prepareIdentifier } from "../syntax/identifier.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import { formatAstring, formatMailbox, type NameCharset } from "../syntax/strings.ts";

/** SETACL: RFC 4314 §3.1. */
export const setAcl = defineCommand({
  name: "SETACL",
  capability: "ACL",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args, { services }) {
    args.sp();
    const name = args.mailbox();
    args.sp();
    const identifier = prepareIdentifier(args.astring());
    args.sp();
    const { mode, rights } = readRights(args.astring());
    args.end();

    const place = await existingPlace(mail.place(name, "a"));
    const known = await knownIdentifier(identifier, place, services);
    const { address } = place.owner;
    if (known !== address) await mail.setRights(name, known, { mode, rights });
    else {
      const rows = await place.mail.rights(place.name);
      const before = effectiveRights(rows, { user: address, owner: address });
      const after = changed(before, { mode, rights }) + ownersRights;
      await mail.setRights(name, known, { mode: "replace", rights: after });
    }
    return { text: "SETACL completed" };
  },
});

/** DELETEACL: RFC 4314 §3.2. An owner who is deleted has everything again. */
export const deleteAcl = defineCommand({
  name: "DELETEACL",
  capability: "ACL",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args) {
    args.sp();
    const name = args.mailbox();
    args.sp();
    const identifier = prepareIdentifier(args.astring());
    args.end();

    const place = await existingPlace(mail.place(name, "a"));
    // Also of an account that is no more.
    const full = withDomain(identifier, place);
    await mail.setRights(name, full, { mode: "replace", rights: "" });
    return { text: "DELETEACL completed" };
  },
});

/** GETACL: RFC 4314 §3.3. */
export const getAcl = defineCommand({
  name: "GETACL",
  capability: "ACL",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args, { output, enabled }) {
    args.sp();
    const name = args.mailbox();
    args.end();

    const place = await existingPlace(mail.place(name, "a"));
    const { address } = place.owner;
    const rows = await place.mail.rights(place.name);
    const isOwnerNamed = rows.some(({ identifier }) => identifier === address);
    const all = isOwnerNamed ? rows : [{ identifier: address, rights: allRights }, ...rows];
    const pairs = all.map(
      ({ identifier, rights }) => `${formatIdentifier(identifier)} ${formatRights(rights)}`,
    );
    const clientName = formatMailbox(clientNameOf(name, mail.hierarchy), enabled);
    output.untagged(["ACL", clientName, ...pairs].join(" "));
    return { text: "GETACL completed" };
  },
});

/** LISTRIGHTS: RFC 4314 §3.4. No two rights are tied together. */
export const listRights = defineCommand({
  name: "LISTRIGHTS",
  capability: "ACL",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args, { output, enabled }) {
    args.sp();
    const name = args.mailbox();
    args.sp();
    const identifier = prepareIdentifier(args.astring());
    args.end();

    const place = await existingPlace(mail.place(name, "a"));
    const isOwner = withDomain(identifier, place) === place.owner.address;
    const required = isOwner ? ownersRights : "";
    const optional = `${allRights}cd`.split("").filter((right) => !required.includes(right));
    const clientName = formatMailbox(clientNameOf(name, mail.hierarchy), enabled);
    const requiredText = required === "" ? '""' : required;
    output.untagged(
      ["LISTRIGHTS", clientName, formatIdentifier(identifier), requiredText, ...optional].join(" "),
    );
    return { text: "LISTRIGHTS completed" };
  },
});

/** MYRIGHTS: RFC 4314 §3.5; with any right that lets one know of the mailbox. */
export const myRights = defineCommand({
  name: "MYRIGHTS",
  capability: "ACL",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args, { output, enabled }) {
    args.sp();
    const name = args.mailbox();
    args.end();

    const { rights } = await existingPlace(mail.place(name));
    if (!/[lrikxa]/.test(rights)) {
      throw new StoreError("not-found", `There is no mailbox "${name}" for this user`);
    }
    output.untagged(formatMyRights(clientNameOf(name, mail.hierarchy), rights, enabled));
    return { text: "MYRIGHTS completed" };
  },
});

/** `MYRIGHTS INBOX rwiptsldaex`. */
export const formatMyRights = (name: string, rights: string, enabled: NameCharset): string =>
  `MYRIGHTS ${formatMailbox(name, enabled)} ${rights === "" ? '""' : formatRights(rights)}`;

/** A name of one's own that is no mailbox yet has rights, but none that could be kept. */
async function existingPlace(finding: Promise<Place>): Promise<Place> {
  const place = await finding;
  if (!place.isShared) await place.mail.rights(place.name);
  return place;
}

const formatIdentifier = (identifier: string): string =>
  formatAstring(Buffer.from(identifier).toString("latin1"));

function readRights(text: string): {
  readonly mode: "add" | "remove" | "replace";
  readonly rights: string;
} {
  const mode = text.startsWith("+") ? "add" : text.startsWith("-") ? "remove" : "replace";
  const letters = mode === "replace" ? text : text.slice(1);
  if (/[A-Z]/.test(letters)) throw bad("Uppercase rights are not allowed");
  const rights = parseRights(letters);
  if (rights === undefined) throw bad("One of these rights is not supported");
  return { mode, rights };
}

function changed(
  before: string,
  { mode, rights }: { readonly mode: string; readonly rights: string },
): string {
  if (mode === "replace") return rights;
  if (mode === "add") return before + rights;
  return before
    .split("")
    .filter((right) => !rights.includes(right))
    .join("");
}

/** `ann` is somebody of the owner's domain. */
function withDomain(identifier: string, { owner }: Place): string {
  const sign = identifier.startsWith("-") ? "-" : "";
  const name = identifier.slice(sign.length);
  if (name.toLowerCase() === anyone) return sign + anyone;
  const domain = owner.address.slice(owner.address.lastIndexOf("@"));
  return sign + (name.includes("@") ? name : name + domain).toLowerCase();
}

/** As the directory writes it: an address that nobody has would get rights that somebody else may have one day. */
async function knownIdentifier(
  identifier: string,
  place: Place,
  { auth }: Services,
): Promise<string> {
  const full = withDomain(identifier, place);
  const sign = full.startsWith("-") ? "-" : "";
  const name = full.slice(sign.length);
  if (name === anyone) return full;
  const account = await auth.findAccount(name);
  if (account === undefined) throw no("CANNOT", "There is no account of that name");
  return sign + account.address;
}
