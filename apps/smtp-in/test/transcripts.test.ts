import { connect as tlsConnect } from "node:tls";
import { connectTo, describeTranscripts, type Transcript } from "@posthouse/transcript";
import { testApp } from "./test-app.ts";

/** `@listener` smtp, submission or submissions; `@auth down`; `@tokens yes`. */
async function startServer({ settings }: Transcript) {
  const app = await testApp({ takesTokens: settings.has("tokens") });
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
