import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { octetsOf, type SystemCall } from "./system-calls.ts";

interface FileNode {
  readonly kind: "file";
  octets: Buffer;
  synced: Buffer;
}

interface DirectoryNode {
  readonly kind: "directory";
  readonly entries: Map<string, FileNode | DirectoryNode>;
  synced: ReadonlyMap<string, FileNode | DirectoryNode>;
}

interface Descriptor {
  readonly node: FileNode | DirectoryNode;
  readonly isSyncing: boolean;
  at: number;
}

/**
 * What a directory tree is on a disk that keeps nothing but what it was told to keep: the octets of a file
 * as of its last fsync, and the names in a directory as of that directory's last fsync. No file system is
 * so forgetful; whoever loses nothing here leans on the accidents of none.
 */
export class RecordedDisk {
  readonly #path: string;
  readonly #root: DirectoryNode = emptyDirectory();
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #syncing = new Map<FileNode | DirectoryNode, () => void>();

  /** Of a tree that is empty when the recording begins. */
  constructor(path: string) {
    this.#path = path;
  }

  apply({ name, args, result, phase }: SystemCall): void {
    if (name === "fsync" || name === "fdatasync") this.#sync(args, phase);
    // The number is free, and may be another thread's next file, before the call is seen to be done.
    if (name === "close" && phase === "begins") this.#descriptors.delete(Number(args[0]));
    if (phase === "begins") return;
    if (/^(dup|copy_file_range|sendfile|splice|fallocate|truncate|writev|pwritev)/.test(name)) {
      const touches = [...args].some((arg) => this.#descriptors.has(Number(arg)));
      assert.ok(!touches, `the model does not know ${name}`);
    }
    if (name === "openat") this.#open(args, result);
    else if (name === "write" || name === "pwrite64") this.#write(args, result);
    else if (name === "ftruncate") this.#truncate(args);
    else this.#changeNames(name, args);
  }

  /**
   * As it would be found after the power went; `keeps` says for which files luck kept what was not synced.
   * Names are kept all or none: journals keep a rename between two directories whole.
   */
  async restore(target: string, keeps: () => boolean): Promise<void> {
    await restoreDirectory(this.#root, target, { keepsNames: keeps(), keeps });
  }

  #sync([fd]: readonly string[], phase: SystemCall["phase"]): void {
    const node = this.#descriptors.get(Number(fd))?.node;
    if (node === undefined) return;
    if (phase === "done") {
      this.#syncing.get(node)?.();
      return;
    }
    if (node.kind === "file") {
      const octets = Buffer.from(node.octets);
      this.#syncing.set(node, () => {
        node.synced = octets;
      });
    } else {
      const entries = new Map(node.entries);
      this.#syncing.set(node, () => {
        node.synced = entries;
      });
    }
  }

  #open([, path, flags = ""]: readonly string[], fd: number): void {
    const place = this.#place(path);
    if (place === undefined) return;
    let node = place.name === "" ? place.parent : place.parent.entries.get(place.name);
    if (node === undefined) {
      assert.match(flags, /O_CREAT/, `${place.name} was made unseen`);
      node = { kind: "file", octets: Buffer.alloc(0), synced: Buffer.alloc(0) };
      place.parent.entries.set(place.name, node);
    } else if (node.kind === "file" && flags.includes("O_TRUNC")) node.octets = Buffer.alloc(0);
    const isSyncing = /O_D?SYNC/.test(flags);
    const at = flags.includes("O_APPEND") ? Number.NaN : 0;
    this.#descriptors.set(fd, { node, isSyncing, at });
  }

  #write(args: readonly string[], length: number): void {
    const descriptor = this.#descriptors.get(Number(args[0]));
    if (descriptor?.node.kind !== "file") return;
    const { node } = descriptor;
    const octets = octetsOf(args[1]).subarray(0, length);
    const isAtEnd = Number.isNaN(descriptor.at);
    const at = args.length > 3 ? Number(args[3]) : isAtEnd ? node.octets.length : descriptor.at;
    if (args.length <= 3) descriptor.at += length;
    const written = Buffer.alloc(Math.max(node.octets.length, at + length));
    node.octets.copy(written);
    octets.copy(written, at);
    node.octets = written;
    if (descriptor.isSyncing) node.synced = written;
  }

  #truncate([fd, size]: readonly string[]): void {
    const node = this.#descriptors.get(Number(fd))?.node;
    if (node?.kind !== "file") return;
    const octets = Buffer.alloc(Number(size));
    node.octets.copy(octets);
    node.octets = octets;
  }

  #changeNames(name: string, args: readonly string[]): void {
    const [first, second] = args
      .filter((arg) => arg.startsWith('"'))
      .map((arg) => this.#place(arg));
    if (first === undefined) return;
    const node = first.parent.entries.get(first.name);
    if (name === "mkdir") first.parent.entries.set(first.name, emptyDirectory());
    if (/^(unlink|rmdir|rename)/.test(name)) first.parent.entries.delete(first.name);
    if (!/^(link|rename)/.test(name)) return;
    assert.ok(node !== undefined && second !== undefined, `${name} of what was made unseen`);
    second.parent.entries.set(second.name, node);
  }

  #place(argument: string | undefined) {
    const path = relative(this.#path, octetsOf(argument).toString());
    if (path.startsWith("..")) return undefined;
    if (path === "") return { parent: this.#root, name: "" };
    let parent = this.#root;
    for (const part of dirname(path).split("/")) {
      if (part === ".") continue;
      const node = parent.entries.get(part);
      assert.ok(node?.kind === "directory", `${part} was made unseen`);
      parent = node;
    }
    return { parent, name: basename(path) };
  }
}

function emptyDirectory(): DirectoryNode {
  return { kind: "directory", entries: new Map(), synced: new Map() };
}

async function restoreDirectory(
  directory: DirectoryNode,
  target: string,
  luck: { readonly keepsNames: boolean; readonly keeps: () => boolean },
): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const [name, node] of luck.keepsNames ? directory.entries : directory.synced) {
    const path = join(target, name);
    if (node.kind === "directory") await restoreDirectory(node, path, luck);
    else await writeFile(path, luck.keeps() ? node.octets : node.synced);
  }
}
