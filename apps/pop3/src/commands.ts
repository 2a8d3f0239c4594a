import type { Command } from "./command.ts";
import { apop } from "./commands/apop.ts";
import { auth } from "./commands/auth.ts";
import { capa } from "./commands/capa.ts";
import { dele } from "./commands/dele.ts";
import { lang } from "./commands/lang.ts";
import { list } from "./commands/list.ts";
import { noop } from "./commands/noop.ts";
import { pass } from "./commands/pass.ts";
import { quit } from "./commands/quit.ts";
import { retr } from "./commands/retr.ts";
import { rset } from "./commands/rset.ts";
import { stat } from "./commands/stat.ts";
import { stls } from "./commands/stls.ts";
import { top } from "./commands/top.ts";
import { uidl } from "./commands/uidl.ts";
import { user } from "./commands/user.ts";
import { utf8 } from "./commands/utf8.ts";

/** Every command that this server knows: the table of contents of apps/pop3. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    // Any state: RFC 1939 §4 and §6, RFC 2449 §5, RFC 6856 §3
    quit,
    capa,
    lang,
    // AUTHORIZATION: RFC 1939 §7, RFC 5034, RFC 2595 §4, RFC 6856 §2
    user,
    pass,
    apop,
    auth,
    stls,
    utf8,
    // TRANSACTION: RFC 1939 §5
    stat,
    list,
    retr,
    dele,
    noop,
    rset,
    // TRANSACTION, optional: RFC 1939 §7
    top,
    uidl,
  ].map((command) => [command.name, command]),
);
