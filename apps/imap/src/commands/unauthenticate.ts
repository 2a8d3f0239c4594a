import { defineCommand, loggedIn } from "../command.ts";

/**
 * UNAUTHENTICATE: RFC 8437 §3. Everything but TLS is as after the greeting; compression ends behind the
 * OK. What a login has made is in its state, so leaving the state forgets it (§8).
 */
export const unauthenticate = defineCommand({
  name: "UNAUTHENTICATE",
  states: loggedIn,
  capability: "UNAUTHENTICATE",
  expunges: "hold",
  isLeaving: true,
  run(_state, args, { connection }) {
    args.end();
    return {
      text: "Logged out; log in again",
      state: { name: "not-authenticated" },
      afterwards: async () => connection.stopCompression(),
    };
  },
});
