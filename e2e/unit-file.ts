import { readFileSync } from "node:fs";

/** One systemd unit, a sysusers.d or a tmpfiles.d file, read as far as the tests need it. */
export interface UnitFile {
  /** The last value of a key, as it stands there. */
  value(key: string): string | undefined;
}

export function readUnit(path: string): UnitFile {
  const values = new Map<string, string>();
  for (const line of linesOf(path)) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
  }
  return { value: (key) => values.get(key) };
}

/** A line of tmpfiles.d: a directory and whose it is. */
export interface DirectoryLine {
  readonly path: string;
  readonly mode: number;
  readonly user: string;
  readonly group: string;
}

export const readDirectoryLines = (path: string): readonly DirectoryLine[] =>
  linesOf(path).map((line) => {
    const [, at = "", mode = "", user = "", group = ""] = line.split(/\s+/);
    return { path: at, mode: Number.parseInt(mode, 8), user, group };
  });

/** What sysusers.d makes: the groups, and each user with those it is a member of. */
export function readUsers(path: string): ReadonlyMap<string, readonly string[]> {
  const groupsOf = new Map<string, string[]>();
  for (const line of linesOf(path)) {
    const [type, name = "", group = ""] = line.split(/\s+/);
    if (type === "u") groupsOf.set(name, [name]);
    if (type === "m") groupsOf.get(name)?.push(group);
  }
  return groupsOf;
}

const linesOf = (path: string): string[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => /^[^#\s]/.test(line));
