import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Directory, type DirectoryOptions } from "../src/directory/directory.ts";

/** A fresh directory on disk, removed on disposal. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "posthouse-accounts-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A directory of accounts over it. */
export function openDirectory(options: Partial<DirectoryOptions> = {}) {
  const on = temporaryDirectory();
  const directory = new Directory({
    path: join(on.path, "directory.sqlite"),
    subaddressSeparator: "+",
    hostname: "mail.example.org",
    ...options,
  });
  return {
    directory,
    /** The addresses behind it, remote ones in angle brackets; or why there are none. */
    goesTo: (address: string): readonly string[] | string => {
      const result = directory.resolveRecipient(address);
      if (result.kind !== "found") return result.kind;
      return result.targets.map((target) =>
        target.isLocal ? target.address : `<${target.address}>`,
      );
    },
    [Symbol.dispose]: () => {
      directory.close();
      on[Symbol.dispose]();
    },
  };
}
