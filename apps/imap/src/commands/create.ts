import type { SpecialUse } from "@posthouse/mailbox-store";
import { listWithOldName } from "../answers/old-name.ts";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { bad, no } from "../response.ts";
import type { User } from "../state.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";

/** Uses that a mailbox can have, RFC 6154 §2. \All and \Flagged would be views, which nobody can make. */
const uses: ReadonlyMap<string, SpecialUse> = new Map(
  (["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"] as const).map((use) => [
    use.toLowerCase(),
    use,
  ]),
);

/** CREATE: RFC 3501 §6.3.3, with the USE of RFC 6154 §3. */
export const create = defineCommand({
  name: "CREATE",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, session) {
    const { enabled, output } = session;
    args.sp();
    const name = args.mailboxToCreate();
    const specialUse = readSpecialUse(args);
    args.end();

    await refuseUseTwice(user, specialUse);
    await user.mail.createMailbox(name, { specialUse });
    await session.noteOwn({ kind: "created", name });
    tellNormalised(name, args.nameAsWritten, { user, enabled, output });
    const { mailboxId } = await user.mail.status(name);
    return { text: "CREATE completed", code: `MAILBOXID (${mailboxId})` }; // RFC 8474 §4.1
  },
});

/** RFC 9051 §6.3.4: a client that can make sense of it learns what became of its name. */
function tellNormalised(
  storeName: string,
  nameAsWritten: string,
  { user, enabled, output }: Pick<Session, "enabled" | "output"> & { readonly user: User },
): void {
  const { hierarchy } = user.mail;
  const name = clientNameOf(storeName, hierarchy);
  const isSame = name === nameAsWritten || `${name}${hierarchy.separator}` === nameAsWritten;
  if (isSame || !enabled.has("IMAP4REV2")) return;
  output.untagged(listWithOldName({ name, nameAsWritten, hierarchy, enabled }));
}

/** One mailbox a use: clients take the first they find. RFC 6154 §3 wants its own code for it. */
async function refuseUseTwice({ mail }: User, wanted: readonly SpecialUse[]): Promise<void> {
  if (wanted.length === 0) return;
  const taken = new Set((await mail.listMailboxes()).flatMap(({ specialUse }) => specialUse));
  const twice = wanted.find((use) => taken.has(use));
  if (twice !== undefined) throw no("USEATTR", `Another mailbox is for ${twice} already`);
}

/** `(USE (\Sent \Archive))`: the one create-param there is, RFC 4466 §2.2. */
function readSpecialUse(args: CommandReader): readonly SpecialUse[] {
  if (args.isAtEnd) return [];
  args.sp();
  const lists = args.parenthesised(() => readUse(args), { min: 1, max: 1 });
  return lists.flat();
}

function readUse(args: CommandReader): readonly SpecialUse[] {
  const parameter = args.keyword();
  if (parameter !== "USE") throw bad(`Unknown CREATE parameter ${parameter.slice(0, 40)}`);
  args.sp();
  const flags = args.parenthesised(() => args.flag(), { max: uses.size });
  return flags.map((flag) => {
    const use = uses.get(flag.toLowerCase());
    if (use === undefined) throw no("USEATTR", `There is no mailbox for ${flag.slice(0, 40)}`);
    return use;
  });
}
