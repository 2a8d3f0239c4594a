import type { Command } from "./command.ts";
import { auth } from "./commands/auth.ts";
import { bdat } from "./commands/bdat.ts";
import { burl } from "./commands/burl.ts";
import { data } from "./commands/data.ts";
import { ehlo, helo, lhlo } from "./commands/ehlo.ts";
import { etrn } from "./commands/etrn.ts";
import { expn, help, noop, vrfy } from "./commands/information.ts";
import { mail } from "./commands/mail.ts";
import { quit } from "./commands/quit.ts";
import { rcpt } from "./commands/rcpt.ts";
import { rset } from "./commands/rset.ts";
import { starttls } from "./commands/starttls.ts";
import { xclient, xforward } from "./commands/xclient.ts";

/** Every command that this server knows. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    // RFC 5321 §4.1.1.1; LHLO is RFC 2033 §4.1
    ehlo,
    helo,
    lhlo,
    // The mail transaction, RFC 5321 §4.1.1.2 to §4.1.1.5; BDAT is RFC 3030 §2, BURL RFC 4468 §3
    mail,
    rcpt,
    data,
    bdat,
    burl,
    rset,
    // RFC 3207 §4, RFC 4954 §4
    starttls,
    auth,
    // RFC 5321 §4.1.1.6 to §4.1.1.10; ETRN is RFC 1985 §5
    vrfy,
    expn,
    help,
    noop,
    etrn,
    quit,
    // Of Postfix, for trusted peers
    xclient,
    xforward,
  ].map((command) => [command.name, command]),
);
