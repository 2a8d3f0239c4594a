import { connect as tlsConnect } from "node:tls";
import { TEST_TOML } from "@posthouse/service";
import { connectTo, describeTranscripts, type Transcript } from "@posthouse/transcript";
import { testApp } from "./test-app.ts";

/** What `@config` names: changes of the usual configuration. */
const configs: Readonly<Record<string, (toml: string) => string>> = {
  /** Questions are answered, and one class of advertisement is not wanted. */
  asking: (toml) =>
    toml.replace(
      "[smtp_in]",
      '[smtp_in]\nvrfy = "authenticated"\nexpn = "authenticated"\nno_soliciting = ["org.example:ADV"]',
    ),
  /** The submission listener takes mail of a scanner here, three an hour. */
  scanner: (toml) =>
    toml.replace(
      '{ kind = "submission", address = "127.0.0.1", port = 0 }',
      `{ kind = "submission", address = "127.0.0.1", port = 0, relay_networks = [{
        networks = ["127.0.0.0/8"], senders = ["scanner@example.test", "@machines.test"], messages_per_hour = 3 }] }`,
    ),
};

/** `@listener` smtp, submission or submissions; `@auth down`; `@tokens yes`; `@config` a name of above. */
async function startServer({ settings }: Transcript) {
  const config = configs[settings.get("config") ?? ""];
  const app = await testApp({
    takesTokens: settings.has("tokens"),
    ...(config !== undefined && { toml: config(TEST_TOML) }),
  });
  app.directory.isDown = settings.get("auth") === "down";
  const listener = (settings.get("listener") ?? "smtp") as "smtp" | "submission" | "submissions";
  const port = app.port(listener);
  return {
    connect: async () =>
      listener === "submissions"
        ? tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false })
        : await connectTo({ port, noDelay: true }),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

describeTranscripts(new URL("./transcripts/", import.meta.url), startServer);
