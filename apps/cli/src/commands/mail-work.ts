import { Command } from "commander";
import { withExamples } from "../examples.ts";
import { type SourceOptions, withSourceOptions } from "../source-options.ts";

/** For other commands of ours alone. */
export const mailWorkCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("work").description("what other commands have the owner of the mail do"),
    ).action(async (options: SourceOptions) => {
      const { mailWork } = await import("../moving/do-mail-work.ts");
      await mailWork(options);
    }),
    ["mailbox work < work.json"],
  );
