import { statSync } from "node:fs";
import { connectAuth } from "@posthouse/accounts";
import { Command } from "commander";
import { CommandFailure, sentenceOf } from "../command-failure.ts";
import { Comsat } from "../comsat/comsat.ts";
import { withExamples } from "../examples.ts";
import { print } from "../output.ts";
import { configOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

/** `posthouse comsat`: "you have mail", on the terminals of people who said `biff y`. */
export const comsatCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("comsat").description(
        "print new mail of [[comsat.users]] on their terminals, where they said biff y, until it is stopped",
      ),
    ).action(runComsat),
    ["comsat --config /etc/posthouse/posthouse.toml"],
  );

async function runComsat(options: SourceOptions): Promise<void> {
  const config = configOf(options);
  const { users, port } = config.comsat;
  if (users.length === 0) {
    throw new CommandFailure(
      "Nobody is to be told: [[comsat.users]] of the configuration is empty",
    );
  }
  refuseRoot(config.paths.mail);
  const { openStoreOf } = await import("../mail-store.ts");
  await using auth = connectAuth({ socketPath: config.auth.socketPath });
  await using comsat = await Comsat.open({
    port,
    accountOf: async (user) => {
      const found = users.find((one) => one.user === user);
      return found && (await auth.findAccount(found.account));
    },
    openStore: () => openStoreOf(config),
    complain: (error) => console.error(sentenceOf(error)),
  });
  print(`Hears of new mail on 127.0.0.1, UDP port ${comsat.port}`);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  await stopped;
}

/** As the owner of the mail it could not write to terminals, and as root it would own what it makes in the mail. */
function refuseRoot(mail: string): void {
  const owner = statSync(mail, { throwIfNoEntry: false });
  if (process.getuid?.() !== 0 || owner === undefined || owner.uid === 0) return;
  throw new CommandFailure(
    "Run it as the mail's own user with the group tty, as posthouse-comsat.service does: systemctl enable --now posthouse-comsat",
  );
}
