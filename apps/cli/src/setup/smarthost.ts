import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { usageFailure } from "../command-failure.ts";

/** A relay that takes all mail for other domains. */
export interface Smarthost {
  readonly via: string;
  readonly username?: string;
  readonly passwordFile?: string;
}

/** @throws CommandFailure */
export function smarthostOf(options: {
  readonly smarthost?: string;
  readonly smarthostUser?: string;
  readonly smarthostPasswordFile?: string;
}): Smarthost | undefined {
  const { smarthost, smarthostUser, smarthostPasswordFile } = options;
  if (smarthost === undefined) return undefined;
  const via = smarthost.includes("://") ? smarthost : `smtps://${smarthost}`;
  if (!/^smtps?:\/\/(\[[0-9A-Fa-f:.]+\]|[^\s/:@[\]]+)(:\d{1,5})?$/.test(via)) {
    throw usageFailure(`"${smarthost}" is not a relay such as smtps://relay.example.net:465`);
  }
  if ((smarthostUser === undefined) !== (smarthostPasswordFile === undefined)) {
    throw usageFailure("--smarthost-user and --smarthost-password-file go together");
  }
  if (smarthostUser === undefined || smarthostPasswordFile === undefined) return { via };
  const passwordFile = resolve(smarthostPasswordFile);
  if (!existsSync(passwordFile))
    throw usageFailure(`There is no file "${passwordFile}" with the password`);
  return { via, username: smarthostUser, passwordFile };
}
