import { describeTranscripts, type Transcript } from "@posthouse/transcript";
import { startTestServer } from "./test-server.ts";

/** What `@scripts` in a transcript names. */
const places: Record<string, { scripts?: Record<string, string>; active?: string }> = {
  unused: {},
  none: { scripts: {} },
  few: {
    scripts: {
      summer_script: "keep;\r\n",
      'clever"script': "stop;",
      main_script: "keep;",
      myscript: '#this is my wonderful script\r\nreject "I reject all";\r\n',
    },
    active: "main_script",
  },
  many: {
    scripts: Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`script${at}`, "keep;"])),
  },
};

describeTranscripts(
  new URL("./transcripts/", import.meta.url),
  async ({ settings }: Transcript) => {
    const server = await startTestServer({
      isPlaintextAllowed: settings.get("plaintext") !== "nobody",
      isImplicitTls: settings.get("tls") === "implicit",
      ...places[settings.get("scripts") ?? "none"],
    });
    return {
      connect: () => server.connect(),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
);
