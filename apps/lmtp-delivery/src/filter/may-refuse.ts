import type { Account } from "@posthouse/accounts";
import type { Program } from "@posthouse/sieve";
import { SieveScriptError } from "@posthouse/sieve/check";
import type { Filters } from "../delivery.ts";

/** What refuses, and what brings in scripts that may. */
const refusing = ["reject", "ereject", "include"] as const;

/**
 * Whether a filter of this account may answer a message with a refusal. Asked of everybody to whom a message from
 * outside goes together, since SMTP has one answer for all of them.
 */
export async function mayRefuse(
  account: Account,
  { scripts, globals, programs: compiled }: Pick<Filters, "scripts" | "globals" | "programs">,
): Promise<boolean> {
  const [before, active, after] = await Promise.all([
    globals.before(),
    scripts.of(account).active(),
    globals.after(),
  ]);
  const programs: Program[] = [...before, ...after];
  try {
    if (active !== undefined) programs.push(await compiled.compile(active.octets));
  } catch (error) {
    // One with an error refuses nothing: its mail goes into INBOX.
    if (!(error instanceof SieveScriptError)) throw error;
  }
  return programs.some(({ required }) => refusing.some((name) => required.has(name)));
}
