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

/** Where `PRAGMA user_version` stands in the first page (SQLite's file format §1.3). */
const VERSION_AT = 60;
/** Of a write-ahead log, and of each of its frames (§4.1). */
const LOG_HEADER_OCTETS = 32;
const FRAME_HEADER_OCTETS = 24;

/** `PRAGMA user_version` as the files have it: 100,000 accounts are not opened for it. */
export function userVersionOf(path: string): number {
  const file = openSync(path, "r");
  try {
    return versionInLog(`${path}-wal`) ?? read(file, VERSION_AT, 4).readUInt32BE(0);
  } finally {
    closeSync(file);
  }
}

/** While a database is open, and after a crash, its newest first page may stand in the log alone. */
function versionInLog(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const file = openSync(path, "r");
  try {
    const header = read(file, 0, LOG_HEADER_OCTETS);
    const salts = header.subarray(16, 24);
    const frameOctets = FRAME_HEADER_OCTETS + header.readUInt32BE(8);
    let committed: number | undefined;
    let written: number | undefined;
    for (let at = LOG_HEADER_OCTETS; ; at += frameOctets) {
      const frame = read(file, at, FRAME_HEADER_OCTETS);
      // Frames of before the log was begun anew have other salts.
      if (salts.every((octet) => octet === 0) || !frame.subarray(8, 16).equals(salts)) break;
      if (frame.readUInt32BE(0) === 1) {
        written = read(file, at + FRAME_HEADER_OCTETS + VERSION_AT, 4).readUInt32BE(0);
      }
      if (frame.readUInt32BE(4) !== 0) committed = written;
    }
    return committed;
  } finally {
    closeSync(file);
  }
}

/** Zeros behind the end. */
function read(file: number, at: number, octets: number): Buffer {
  const found = Buffer.alloc(octets);
  readSync(file, found, 0, octets, at);
  return found;
}
