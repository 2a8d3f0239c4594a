import { type ModSeq, systemFlagBits, type Uid } from "@posthouse/mailbox-store";
import { listWithOldName } from "../answers/old-name.ts";
import { writeVanished } from "../answers/vanished.ts";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { isRestoreName } from "../mailboxes/restore-name.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";
import { bad, CommandFailure } from "../response.ts";
import { SelectedMailbox } from "../selected-mailbox.ts";
import type { User } from "../state.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import {
  type QresyncParameter,
  readSelectParameters,
  type SelectParameters,
} from "../syntax/select-parameters.ts";

/** SELECT: RFC 3501 §6.3.1, RFC 9051 §6.3.2, RFC 7162 §3.2.5. */
export const select = defineSelect({ name: "SELECT", readOnly: false });
/** EXAMINE: RFC 3501 §6.3.2. */
export const examine = defineSelect({ name: "EXAMINE", readOnly: true });

function defineSelect({ name, readOnly }: { readonly name: string; readonly readOnly: boolean }) {
  return defineCommand({
    name,
    states: loggedIn,
    expunges: "hold",
    isLeaving: true,
    async run(state, args, session) {
      args.sp();
      const mailboxName = args.mailboxOrRefusal();
      const parameters = readSelectParameters(args);
      args.end();
      const { nameAsWritten } = args;
      refuseWithoutQresync(parameters, session);

      // §6.3.1: also when the new one cannot be had, the old one is no longer selected.
      await session.deselect();
      if (state.name === "selected") tellClosed(session);
      if (mailboxName instanceof CommandFailure) throw mailboxName;
      const { user } = state;
      const mailbox = await user.mail.openMailbox(mailboxName, { readOnly });
      const selected = await SelectedMailbox.open(mailbox, session.enabled);
      try {
        if (parameters.isCondstore) session.enable("CONDSTORE");
        tellAbout(selected, { user, nameAsWritten }, session);
        if (parameters.qresync?.uidValidity === mailbox.uidValidity) {
          await resynchronise(selected, parameters.qresync, session);
        }
      } catch (error) {
        await selected[Symbol.asyncDispose]();
        throw error;
      }
      return {
        text: `${name} completed`,
        code: mailbox.isShownReadOnly ? "READ-ONLY" : "READ-WRITE",
        state: { name: "selected", user, selected },
      };
    },
  });
}

/** RFC 7162 §3.2.5, and RFC 9586 for the numbers in it. */
function refuseWithoutQresync({ qresync }: SelectParameters, { enabled }: Session): void {
  if (qresync === undefined) return;
  if (!enabled.has("QRESYNC")) throw bad("ENABLE QRESYNC first");
  if (qresync.matches !== undefined && enabled.has("UIDONLY")) {
    throw bad("UIDONLY is enabled: no message numbers", "UIDREQUIRED");
  }
}

/** RFC 7162 §3.2.11, RFC 9051 §7.1: what comes from here on is of the next mailbox. */
function tellClosed({ enabled, output }: Session): void {
  if (!enabled.has("QRESYNC") && !enabled.has("IMAP4REV2")) return;
  output.untagged("OK [CLOSED] The mailbox before is closed");
}

function tellAbout(
  selected: SelectedMailbox,
  asked: { readonly user: User; readonly nameAsWritten: string },
  { enabled, output, switchedOff }: Session,
): void {
  const { mailbox } = selected;
  selected.tellFirst(output);
  if (enabled.has("IMAP4REV2")) {
    // RFC 9051 §6.3.2: the name as the server has it.
    const { hierarchy } = asked.user.mail;
    const name = clientNameOf(mailbox.name, hierarchy);
    output.untagged(listWithOldName({ ...asked, name, hierarchy, enabled }));
  } else {
    const unseen = firstUnseen(selected);
    if (unseen !== undefined) output.untagged(`OK [UNSEEN ${unseen}] First unseen message`);
  }
  output.untagged(`OK [MAILBOXID (${mailbox.mailboxId})] Its id`); // RFC 8474 §4.2
  output.untagged(`OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs valid`);
  output.untagged(`OK [UIDNEXT ${mailbox.uidNext}] Predicted next UID`);
  // RFC 4467: of what is shared nobody but its owner signs a URL.
  if (!switchedOff.has("URLAUTH") && !isSharedName(mailbox.name) && !isRestoreName(mailbox.name)) {
    output.untagged("OK [URLMECH INTERNAL] Its URLs can be signed");
  }
  selected.tellHighestModSeq(output);
}

function firstUnseen({ view }: SelectedMailbox): number | undefined {
  const { systemFlags } = view.columns;
  const seen = systemFlagBits["\\Seen"];
  // findIndex() takes 2 ms for 100,000 messages, all seen, and this a tenth.
  for (let row = 0; row < systemFlags.length; row += 1) {
    if (((systemFlags[row] ?? 0) & seen) === 0) return row + 1;
  }
  return undefined;
}

/**
 * What happened since the client was here (RFC 7162 §3.2.5.1): first what is gone, then flags. The store may be
 * ahead of what the client was just told: a message that it still counts is told by a VANISHED of its own.
 */
async function resynchronise(
  selected: SelectedMailbox,
  { modSeq, knownUids, matches }: QresyncParameter,
  { output }: Session,
): Promise<void> {
  const { view, mailbox } = selected;
  const known = knownUids ?? [{ first: 1 as Uid, last: (mailbox.uidNext - 1) as Uid }];
  const matched = matches === undefined ? 0 : lastMatch(selected, matches);
  const after = known.filter(({ last }) => last > matched);
  const changes = await mailbox.changesSince(modSeq as ModSeq, { knownUids: after });
  await writeVanished(view.withoutKnown(changes.vanished, matched), { isEarlier: true }, output);
  await selected.tellChangedSince(modSeq, known, output);
}

/**
 * The UID up to which the client knows of every expunge: the last of its pairs that still holds (§3.2.5.2).
 * Both sets ascend, so nothing past the end of the mailbox is looked at, however large a range is.
 */
function lastMatch(
  { view }: SelectedMailbox,
  { numbers, uids }: NonNullable<QresyncParameter["matches"]>,
): number {
  let matched = 0;
  let range = 0;
  let offset = 0;
  for (const { first, last } of numbers) {
    for (let number: number = first; number <= Math.min(last, view.exists); number += 1) {
      const { first: from = 0, last: to = 0 } = uids[range] ?? {};
      const uid = from + offset;
      if (view.uidOf(number) === uid) matched = uid;
      if (uid < to) offset += 1;
      else {
        range += 1;
        offset = 0;
      }
    }
  }
  return matched;
}
