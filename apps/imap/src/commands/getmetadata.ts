import type { Annotation, AnnotationQuery, Annotations } from "@posthouse/mailbox-store";
import { writeMetadata } from "../answers/metadata.ts";
import { defineCommand, loggedIn } from "../command.ts";
import type { User } from "../state.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import { readGetMetadata } from "../syntax/metadata-arguments.ts";
import { formatQuotedMailbox } from "../syntax/strings.ts";

/** GETMETADATA: RFC 5464 §4.2. */
export const getMetadata = defineCommand({
  name: "GETMETADATA",
  capability: "METADATA",
  states: loggedIn,
  expunges: "tell",
  async run({ user }, args, { output, enabled, services }) {
    const { mailboxName, options, entries } = readGetMetadata(args);
    const query = { ...options, entries };
    const annotations = await user.mail.annotations(mailboxName, query);
    const found =
      mailboxName === undefined
        ? withServerEntries(annotations, query, [
            adminEntry(user),
            ...services.savedFilters.sharedEntries(),
          ])
        : annotations;
    const { largestLeftOutOctets } = found;
    const isExact = options.depth === undefined || options.depth === 0;
    const name =
      mailboxName === undefined
        ? '""'
        : formatQuotedMailbox(clientNameOf(mailboxName, user.mail.hierarchy), enabled);
    // What is left out for its size is there: NIL would deny it.
    const asked = isExact && largestLeftOutOctets === undefined ? entries : [];
    writeMetadata(output, { name, annotations: found, asked });
    await output.pace();
    if (largestLeftOutOctets === undefined) return { text: "GETMETADATA completed" };
    return {
      text: "GETMETADATA completed",
      code: `METADATA LONGENTRIES ${largestLeftOutOctets}`,
    };
  },
});

/** RFC 5464 §3.2.1.1: whom to ask about the server; postmaster is always there. */
function adminEntry({ account }: User): Annotation {
  const domain = account.address.slice(account.address.lastIndexOf("@"));
  return { entry: "/shared/admin", value: Buffer.from(`mailto:postmaster${domain}`) };
}

/** With those of the server that are asked for and that no account keeps. */
function withServerEntries(
  annotations: Annotations,
  { entries, depth = 0, valueOctetsMax = Number.POSITIVE_INFINITY }: AnnotationQuery,
  ofServer: readonly Annotation[],
): Annotations {
  const wanted = ofServer.filter(({ entry }) =>
    entries.some((one) => isAtOrBelow(entry, one, depth)),
  );
  const leftOut = wanted.filter(({ value }) => value.length > valueOctetsMax);
  const largest = Math.max(
    annotations.largestLeftOutOctets ?? 0,
    ...leftOut.map(({ value }) => value.length),
  );
  return {
    found: [...annotations.found, ...wanted.filter(({ value }) => value.length <= valueOctetsMax)],
    ...(largest > 0 && { largestLeftOutOctets: largest }),
  };
}

/** RFC 5464 §4.2.2. */
function isAtOrBelow(entry: string, wanted: string, depth: 0 | 1 | "infinity"): boolean {
  if (entry === wanted) return true;
  if (depth === 0 || !entry.startsWith(`${wanted}/`)) return false;
  return depth === "infinity" || !entry.slice(wanted.length + 1).includes("/");
}
