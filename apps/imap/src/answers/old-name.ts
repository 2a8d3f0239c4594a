import type { Hierarchy } from "@posthouse/mailbox-store";
import { formatQuotedMailbox, type NameCharset } from "../syntax/strings.ts";

/** `LIST () "/" "Normalized" ("OLDNAME" ("NonNormalized"))`: RFC 9051 §6.3.9.7, without OLDNAME where it is the same. */
export function listWithOldName({
  name,
  nameAsWritten,
  hierarchy,
  enabled,
}: {
  readonly name: string;
  readonly nameAsWritten: string;
  readonly hierarchy: Hierarchy;
  readonly enabled: NameCharset;
}): string {
  const oldName =
    name === nameAsWritten ? "" : ` ("OLDNAME" (${formatQuotedMailbox(nameAsWritten, enabled)}))`;
  return `LIST () "${hierarchy.separator}" ${formatQuotedMailbox(name, enabled)}${oldName}`;
}
