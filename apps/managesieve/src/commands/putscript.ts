import { StoreError } from "@posthouse/mailbox-store";
import { checkedScript } from "../check-script.ts";
import { authenticated, defineCommand } from "../command.ts";
import { requireRoom } from "../room.ts";
import type { Services } from "../services.ts";
import type { States } from "../state.ts";

/**
 * PUTSCRIPT: RFC 5804 §2.6. What has no room is not even read into memory. The old script stays as it
 * was until the new one is on disk: the crash table is above FileScripts in packages/mailbox-store.
 */
export const putscript = defineCommand({
  name: "PUTSCRIPT",
  states: authenticated,
  async run(state, args, { services }) {
    args.sp();
    const name = await args.scriptName();
    args.sp();
    const script = args.openString("a script");
    await requireRoom(state.scripts, name, script.sizeBytes);
    const octets = await script.octets();
    args.end();
    const completion = await checkedScript(services.checker, octets, "Stored");
    await put(state, services, { name, octets });
    return completion;
  },
});

async function put(
  { scripts, account }: States["authenticated"],
  { store }: Services,
  { name, octets }: { readonly name: string; readonly octets: Uint8Array },
): Promise<void> {
  try {
    await scripts.put(name, octets);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "not-found") throw error;
    // No mail has come yet: the account's folder is made as its first message would make it.
    await using mail = await store.openAccount(account);
    await mail.listMailboxes();
    await scripts.put(name, octets);
  }
}
