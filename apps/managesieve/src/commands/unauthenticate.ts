import { authenticated, defineCommand } from "../command.ts";

/** UNAUTHENTICATE: RFC 5804 §2.14.1. TLS stays. */
export const unauthenticate = defineCommand({
  name: "UNAUTHENTICATE",
  states: authenticated,
  run(_state, args) {
    args.end();
    return { text: "Logged out; log in again", state: { name: "not-authenticated" } };
  },
});
