import type { Command } from "./command.ts";
import { authenticate } from "./commands/authenticate.ts";
import { capability } from "./commands/capability.ts";
import { checkscript } from "./commands/checkscript.ts";
import { deletescript } from "./commands/deletescript.ts";
import { getscript } from "./commands/getscript.ts";
import { havespace } from "./commands/havespace.ts";
import { listscripts } from "./commands/listscripts.ts";
import { logout } from "./commands/logout.ts";
import { noop } from "./commands/noop.ts";
import { putscript } from "./commands/putscript.ts";
import { renamescript } from "./commands/renamescript.ts";
import { setactive } from "./commands/setactive.ts";
import { starttls } from "./commands/starttls.ts";
import { unauthenticate } from "./commands/unauthenticate.ts";

/** Every command that this server knows: the table of contents of apps/managesieve. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    // Before a login, RFC 5804 §2.1 and §2.2
    authenticate,
    starttls,
    // Any state, §2.3, §2.4 and §2.13
    logout,
    capability,
    noop,
    // After a login, §2.5 to §2.12
    havespace,
    putscript,
    listscripts,
    setactive,
    getscript,
    deletescript,
    renamescript,
    checkscript,
    // §2.14.1
    unauthenticate,
  ].map((command) => [command.name, command]),
);
