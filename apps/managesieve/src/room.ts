import type { AccountScripts } from "@posthouse/mailbox-store";
import { no } from "./response.ts";

/** RFC 5804 §1.5. @throws CommandFailure when a script of that size has no room under that name */
export async function requireRoom(
  scripts: AccountScripts,
  name: string,
  sizeBytes: number,
): Promise<void> {
  const lack = await scripts.lacks(name, sizeBytes);
  if (lack === "scripts") {
    throw no("The account has as many scripts as it may have", "QUOTA/MAXSCRIPTS");
  }
  if (lack === "octets") throw no("That script is too large, or all together", "QUOTA/MAXSIZE");
}
