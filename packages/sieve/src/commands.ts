import { addflag } from "./commands/addflag.ts";
import { addheader } from "./commands/addheader.ts";
import { breakLoop } from "./commands/break.ts";
import { deleteheader } from "./commands/deleteheader.ts";
import { discard } from "./commands/discard.ts";
import { enclose } from "./commands/enclose.ts";
import { ereject } from "./commands/ereject.ts";
import { error } from "./commands/error.ts";
import { extracttext } from "./commands/extracttext.ts";
import { fileinto } from "./commands/fileinto.ts";
import { foreverypart } from "./commands/foreverypart.ts";
import { global } from "./commands/global.ts";
import { include } from "./commands/include.ts";
import { keep } from "./commands/keep.ts";
import { notify } from "./commands/notify.ts";
import { redirect } from "./commands/redirect.ts";
import { reject } from "./commands/reject.ts";
import { removeflag } from "./commands/removeflag.ts";
import { replace } from "./commands/replace.ts";
import { returnToIncluder } from "./commands/return.ts";
import { set } from "./commands/set.ts";
import { setflag } from "./commands/setflag.ts";
import { stop } from "./commands/stop.ts";
import { vacation } from "./commands/vacation.ts";
import type { CommandDefinition } from "./compile/definition.ts";

/** Every command but `if` and `require`, which the compiler reads itself: the table of contents. */
export const commands: ReadonlyMap<string, CommandDefinition> = new Map(
  [
    // Control, RFC 5228 §3
    stop,
    // Actions, §4
    fileinto,
    redirect,
    keep,
    discard,
    // Variables, RFC 5229
    set,
    // Vacation, RFC 5230
    vacation,
    // Flags, RFC 5232
    setflag,
    addflag,
    removeflag,
    // Header fields, RFC 5293
    addheader,
    deleteheader,
    // Refusals, RFC 5429
    reject,
    ereject,
    // Notifications, RFC 5435
    notify,
    // ihave, RFC 5463
    error,
    // Other scripts, RFC 6609
    include,
    returnToIncluder,
    global,
    // Parts
    foreverypart,
    breakLoop,
    replace,
    enclose,
    extracttext,
  ].map((command) => [command.name, command]),
);
