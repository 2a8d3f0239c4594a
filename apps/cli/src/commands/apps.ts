import { type AppName, appNames } from "@posthouse/service";
import { Command } from "commander";
import { becomeProgram } from "../become-program.ts";
import { withExamples } from "../examples.ts";
import {
  argumentsOf,
  configSourceOf,
  type SourceOptions,
  withSourceOptions,
} from "../source-options.ts";

const whatItIs: Record<AppName, string> = {
  auth: "checks passwords and knows the directory; every other server asks it",
  "lmtp-delivery":
    "delivers into mailboxes, from a Unix socket and from other mail servers by LMTP",
  "smtp-out": "works the queue: sends to other hosts, tries again, reports failure",
  "smtp-in": "takes mail from the internet (25) and from your people (587, 465)",
  imap: "serves mailboxes by IMAP",
  pop3: "serves INBOX by POP3",
  managesieve: "lets mail programs edit filters, by ManageSieve",
  http: "gets certificates by ACME, and tells mail programs their settings",
};

/** `posthouse imap` and so on: one server in the foreground, as systemd and containers run it. */
export const appCommands = (): Command[] =>
  appNames.map((name) =>
    withExamples(
      withSourceOptions(new Command(name).description(`run one server: ${whatItIs[name]}`)).action(
        (options: SourceOptions) => becomeProgram(name, argumentsOf(configSourceOf(options))),
      ),
      [
        `${name} --config /etc/posthouse/posthouse.toml`,
        `${name} --data ./data/local --port-offset 2000`,
      ],
    ),
  );
