import type { AnnotationChange } from "@posthouse/mailbox-store";
import { StoreError } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, type CommandFailure, no } from "../response.ts";
import { readChanges, readMailboxOrServer } from "../syntax/metadata-arguments.ts";

/** SETMETADATA: RFC 5464 §4.3. All or none of the entries. */
export const setMetadata = defineCommand({
  name: "SETMETADATA",
  capability: "METADATA",
  states: loggedIn,
  expunges: "tell",
  refuseLiteral: tooLarge,
  async run({ user }, args) {
    args.sp();
    const mailboxName = readMailboxOrServer(args);
    args.sp();
    const changes = readChanges(args);
    args.end();

    for (const change of changes) refuse(change, mailboxName === undefined);
    try {
      await user.mail.setAnnotations(mailboxName, changes);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "limit")) throw error;
      throw no(
        "METADATA TOOMANY",
        "There are too many annotations, or they are too large together",
      );
    }
    return { text: "SETMETADATA completed" };
  },
});

function refuse({ entry, value }: AnnotationChange, isServer: boolean): void {
  const [, scope, kind, , name] = entry.split("/");
  if (kind === undefined || (kind === "vendor" && name === undefined)) {
    throw bad("That entry is only the parent of others");
  }
  // One value for everybody: RFC 5464 §3.3 lets a server keep these for its administrator.
  if (isServer && scope === "shared") throw no("NOPERM", "That is for the administrator to say");
  if ((value?.length ?? 0) > limits.annotationBytesMax) throw tooLarge();
}

function tooLarge(): CommandFailure {
  const { annotationBytesMax } = limits;
  const code = `METADATA MAXSIZE ${annotationBytesMax}` as const;
  return no(code, `At most ${annotationBytesMax} octets`);
}
