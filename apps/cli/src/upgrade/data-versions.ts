import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { schemaVersionIn, schemaVersions } from "@posthouse/accounts/directory";
import { accountPlaces, mailIndexVersion } from "@posthouse/mailbox-store/backup";
import { queueIndexVersion } from "@posthouse/queue";
import type { Config } from "@posthouse/service";
import { databaseOctetsOf } from "../backup/database-octets.ts";

/** A database that a version of the program may have to change. */
export interface DataVersion {
  readonly id: "directory" | "secrets" | "queue" | "mail";
  /** For people. */
  readonly what: string;
  /** Of all files the highest. */
  readonly found: number;
  /** What this program makes of it. */
  readonly known: number;
  readonly files: number;
}

export type DataVersions = readonly DataVersion[];

/** Which versions the data is of, as far as it is there. Nothing is changed, and the servers may run. */
export function dataVersionsOf(config: Config): DataVersions {
  const { stateDirectory } = config.auth;
  const ofAuth = (["directory", "secrets"] as const).flatMap((id): DataVersion[] => {
    const path = join(stateDirectory, `${id}.sqlite`);
    if (!existsSync(path)) return [];
    const found = schemaVersionIn(databaseOctetsOf(path));
    return [{ id, what: whatIs[id], found, known: schemaVersions[id], files: 1 }];
  });
  return [
    ...ofAuth,
    ...ofFiles("queue", queueIndexVersion, [queueIndexPath(config)]),
    ...ofFiles("mail", mailIndexVersion, mailIndexPaths(config)),
  ];
}

const whatIs = {
  directory: "domains, accounts, aliases",
  secrets: "passwords",
  queue: "index of the queue",
  mail: "indexes of mailboxes",
} as const;

export const queueIndexPath = ({ smtpOut }: Config): string =>
  join(smtpOut.stateDirectory, "queue.sqlite");

export const mailIndexPaths = ({ paths }: Config): readonly string[] =>
  accountPlaces(paths.mail)
    .map(({ domain, localPart }) => join(paths.mail, domain, localPart, "index.sqlite"))
    .filter((path) => existsSync(path));

function ofFiles(
  id: "queue" | "mail",
  known: number,
  paths: readonly string[],
): readonly DataVersion[] {
  const versions = paths.filter((path) => existsSync(path)).map(userVersionOf);
  if (versions.length === 0) return [];
  const found = versions.reduce((one, other) => Math.max(one, other));
  return [{ id, what: whatIs[id], found, known, files: versions.length }];
}

/** `PRAGMA user_version` as the file has it (SQLite's file format §1.3.5): 100,000 accounts are not opened for it. */
export function userVersionOf(path: string): number {
  const octets = Buffer.alloc(4);
  const file = openSync(path, "r");
  try {
    readSync(file, octets, 0, 4, 60);
  } finally {
    closeSync(file);
  }
  return octets.readUInt32BE(0);
}
