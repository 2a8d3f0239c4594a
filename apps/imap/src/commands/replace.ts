import { defineCommand } from "../command.ts";
import { IncomingMessages } from "../incoming-messages.ts";
import { bad, refusalOf, responseText } from "../response.ts";
import { formatUidSet } from "../syntax/sequence-set.ts";
import { recordAppended } from "./append.ts";
import { explainTarget } from "./copy.ts";

/** REPLACE: RFC 8508 §3.2. */
export const replace = defineReplace({ name: "REPLACE", isUid: false });
/** UID REPLACE: RFC 8508 §3.3. */
export const uidReplace = defineReplace({ name: "UID REPLACE", isUid: true });

function defineReplace({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    capability: "REPLACE",
    ...(!isUid && { countsMessages: true }),
    // The number was looked up before, and the message that it named is what goes.
    expunges: "tell",
    waitsForClient: true,
    isChange: true,
    takesLiteral: (argumentsSoFar, literalsBefore) =>
      literalsBefore > 0 || !/^ [^ ]+ ~?\{/.test(argumentsSoFar),
    async run({ user, selected }, args, session) {
      args.sp();
      const number = args.nzNumber();
      args.sp();
      const targetName = args.mailbox();
      const [uid] = selected.resolve([{ from: number, to: number }], isUid);
      const row = uid === undefined ? undefined : selected.view.rowOf(uid);
      if (uid === undefined || row === undefined) throw refusalOf.gone();

      const messages = new IncomingMessages(user, session, args);
      const first = await messages.begin({
        target: targetName,
        freedBytes: selected.view.columns.sizes[row] ?? 0,
      });
      // §4.7: one message for one.
      const octets = (async function* one() {
        yield* first.octets;
        if (!args.isAtEnd) throw bad("REPLACE takes one message");
      })();
      const replaced = await selected.mailbox
        .replace(uid, targetName, { ...first, octets })
        .catch(explainTarget);
      recordAppended(session, user, targetName, messages);
      await session.noteOwnMessages(targetName, replaced, "APPEND");
      // §4.3: before the EXPUNGE, and so not in the tagged answer.
      const code = `APPENDUID ${replaced.uidValidity} ${formatUidSet(replaced.uids)}` as const;
      session.output.untagged(`OK ${responseText(code, "Replacement is stored")}`);
      return { text: `${name} completed` };
    },
  });
}
