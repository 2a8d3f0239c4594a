import { defineCommand } from "../command.ts";
import {
  orForgetSaved,
  saveResult,
  search,
  writeNumberList,
  writeResult,
} from "../search/searching.ts";
import { readResultOptions } from "../syntax/result-options.ts";
import { readSearchCriteria } from "../syntax/search-keys.ts";
import { readSortCriteria } from "../syntax/sort-criteria.ts";

/** SORT: RFC 5256 §3; with RETURN RFC 5267 §3. */
export const sort = defineSort({ name: "SORT", isUid: false });
/** UID SORT. */
export const uidSort = defineSort({ name: "UID SORT", isUid: true });

function defineSort({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    ...(!isUid && { countsMessages: true }),
    async run({ selected }, args, session) {
      args.sp();
      const options = readResultOptions(args);
      await orForgetSaved(selected, options, async () => {
        const order = readSortCriteria(args);
        args.sp();
        const key = readSearchCriteria(args);
        args.end();
        if (options?.updates === true) selected.contexts.refuseTag(session.incoming.tag);

        const result = await search(selected, { key, order, isUid }, session);
        if (options === undefined) {
          await writeNumberList("SORT", selected, result, { isUid, session });
          return;
        }
        const correlator = { tag: session.incoming.tag };
        await writeResult(selected, result, options, { correlator, isUid, session });
        saveResult(selected, result, options);
        if (options.updates) {
          const { updateAttributes: attributes } = options;
          selected.contexts.add({ ...result, ...correlator, order, isUid, attributes }, session);
        }
      });
      return { text: `${name} completed` };
    },
  });
}
