import type { Annotations } from "@posthouse/mailbox-store";
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
  async run({ user }, args, { output, enabled }) {
    const { mailboxName, options, entries } = readGetMetadata(args);
    const query = { ...options, entries };
    const annotations = await user.mail.annotations(mailboxName, query);
    const found =
      mailboxName === undefined ? withServerEntries(annotations, entries, user) : annotations;
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

const adminEntry = "/shared/admin";

/** RFC 5464 §3.2.1.1: whom to ask about the server; postmaster is always there. */
function withServerEntries(
  annotations: Annotations,
  entries: readonly string[],
  { account }: User,
): Annotations {
  if (!entries.includes(adminEntry)) return annotations;
  const domain = account.address.slice(account.address.lastIndexOf("@"));
  const value = Buffer.from(`mailto:postmaster${domain}`);
  return { ...annotations, found: [...annotations.found, { entry: adminEntry, value }] };
}
