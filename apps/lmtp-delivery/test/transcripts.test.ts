import { connectTo, describeTranscripts, type Transcript } from "@posthouse/transcript";
import { testApp } from "./test-app.ts";

/** The listener for foreign MTAs; `@auth down`. */
async function startServer({ settings }: Transcript) {
  const app = await testApp();
  app.directory.isDown = settings.get("auth") === "down";
  return {
    connect: () => connectTo({ port: app.port, noDelay: true }),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

describeTranscripts(new URL("./transcripts/", import.meta.url), startServer);
