import { defineCommand } from "../command.ts";
import { completedUpTo, refuseRange, type Stop } from "../message-limit.ts";
import {
  orForgetSaved,
  saveResult,
  search as searchMailbox,
  writeNumberList,
  writeResult,
} from "../search/searching.ts";
import { allResults, readResultOptions } from "../syntax/result-options.ts";
import { readSearchProgram } from "../syntax/search-keys.ts";

/** SEARCH: RFC 3501 §6.4.4, response §7.2.5; with RETURN RFC 4731, RFC 5182, RFC 5267, RFC 9394. */
export const search = defineSearch({ name: "SEARCH", isUid: false });
/** UID SEARCH: RFC 3501 §6.4.8. */
export const uidSearch = defineSearch({ name: "UID SEARCH", isUid: true });

function defineSearch({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    ...(!isUid && { countsMessages: true }),
    async run({ selected }, args, session) {
      args.sp();
      // RFC 9051 §6.4.4: in IMAP4rev2 there is only ESEARCH.
      const standard = session.enabled.has("IMAP4REV2") ? allResults : undefined;
      const options = readResultOptions(args) ?? standard;
      const { perCommand: limit } = session.messageLimits;
      if (options?.partial !== undefined) refuseRange(options.partial, limit);
      let stop: Stop | undefined;
      await orForgetSaved(selected, options, async () => {
        const key = readSearchProgram(args);
        args.end();
        if (options?.updates === true) selected.contexts.refuseTag(session.incoming.tag);

        const result = await searchMailbox(selected, { key, isUid, limit }, session);
        stop = result.stop;
        if (options === undefined) {
          await writeNumberList("SEARCH", selected, result, { isUid, session });
          return;
        }
        const correlator = { tag: session.incoming.tag };
        await writeResult(selected, result, options, { correlator, isUid, session });
        saveResult(selected, result, options);
        if (options.updates) {
          const { updateAttributes: attributes } = options;
          selected.contexts.add({ ...result, ...correlator, isUid, attributes }, session);
        }
      });
      return completedUpTo(stop, name, session);
    },
  });
}
