import { defineCommand, type Session } from "../command.ts";
import { textLines } from "../text-lines.ts";
import { mechanismNames } from "./auth.ts";

/** CAPA: RFC 2449 §5. */
export const capa = defineCommand({
  name: "CAPA",
  states: ["authorization", "named", "transaction"],
  run(state, args, session) {
    args.end();
    return {
      text: "Capability list follows",
      body: textLines(capabilities(session, { isLoggedIn: state.name === "transaction" })),
    };
  },
});

/** RFC 2449 §6, RFC 2595 §4, RFC 3206 and RFC 6856; nothing is announced that would be refused now. */
function capabilities(session: Session, { isLoggedIn }: { readonly isLoggedIn: boolean }) {
  const { isEncrypted } = session.connection;
  const { loginDelaySeconds } = session.services.config.pop3;
  return [
    "TOP",
    "UIDL",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    ...(loginDelaySeconds > 0 ? [`LOGIN-DELAY ${loginDelaySeconds}`] : []),
    // USER: names and passwords may have more than ASCII (RFC 6856 §2.2).
    "UTF8 USER",
    "LANG",
    "IMPLEMENTATION Posthouse",
    ...(session.isLoginAllowed ? ["USER", `SASL ${mechanismNames(session).join(" ")}`] : []),
    ...(isEncrypted || isLoggedIn ? [] : ["STLS"]),
  ];
}
