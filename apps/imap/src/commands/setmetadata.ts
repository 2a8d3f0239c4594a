import type { AnnotationChange } from "@posthouse/mailbox-store";
import { StoreError } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, type CommandFailure, no } from "../response.ts";
import { scriptEntry } from "../script-events.ts";
import { filterKey, isFilterName } from "../search/saved-filters.ts";
import { readChanges, readMailboxOrServer } from "../syntax/metadata-arguments.ts";

/** SETMETADATA: RFC 5464 §4.3. All or none of the entries. */
export const setMetadata = defineCommand({
  name: "SETMETADATA",
  capability: "METADATA",
  states: loggedIn,
  expunges: "tell",
  refuseLiteral: tooLarge,
  async run({ user }, args, session) {
    args.sp();
    const mailboxName = readMailboxOrServer(args);
    args.sp();
    const changes = readChanges(args);
    args.end();

    for (const change of changes) refuse(change, mailboxName === undefined);
    // Which script of the owner is run, and with what the owner may do, is the owner's to say.
    const namesScript = changes.some(({ entry }) => entry === scriptEntry);
    if (namesScript && mailboxName !== undefined) await user.mail.place(mailboxName, "a");
    try {
      await user.mail.setAnnotations(mailboxName, changes);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "limit")) throw error;
      throw no(
        "METADATA TOOMANY",
        "There are too many annotations, or they are too large together",
      );
    }
    await session.noteMetadata(mailboxName);
    return { text: "SETMETADATA completed" };
  },
});

function refuse({ entry, value }: AnnotationChange, isServer: boolean): void {
  const [, scope, kind, , name] = entry.split("/");
  if (kind === undefined || (kind === "vendor" && name === undefined)) {
    throw bad("That entry is only the parent of others");
  }
  // One value for everybody: RFC 5464 §3.3 lets a server keep these for its administrator.
  // But for the script of mailboxes that name none (RFC 6785 §2.3.1): it is of this account.
  if (isServer && scope === "shared" && entry !== scriptEntry)
    throw no("NOPERM", "That is for the administrator to say");
  if (isServer && kind === "filters") refuseFilter(entry, value);
  if ((value?.length ?? 0) > limits.annotationBytesMax) throw tooLarge();
}

/** RFC 5466 §3.2. Of others below `filters` nobody has said what they are. */
function refuseFilter(entry: string, value: Uint8Array | undefined): void {
  const [, below, name = ""] =
    /^\/private\/filters\/(values|descriptions)\/(.*)$/.exec(entry) ?? [];
  if (below === undefined || value === undefined) return;
  if (!isFilterName(name)) throw bad("That cannot be the name of a filter");
  if (below === "values" && filterKey(value) === undefined) {
    throw no("CANNOT", "That is no whole search");
  }
}

function tooLarge(): CommandFailure {
  const { annotationBytesMax } = limits;
  const code = `METADATA MAXSIZE ${annotationBytesMax}` as const;
  return no(code, `At most ${annotationBytesMax} octets`);
}
