import { limits } from "../limits.ts";
import type { SeenFile } from "../maildir/folder-files.ts";
import { keywordLettersMax, letterOfKeywordIndex } from "../maildir/keyword-list.ts";
import { infoLetters } from "../maildir/maildir-name.ts";
import type { SourceFolder } from "./source-tree.ts";

/** Keywords that stand beside the files become letters in their names, as far as letters go. */
export class FolderKeywords {
  readonly names: (string | undefined)[];
  readonly #keywordsOf = new Map<string, readonly string[]>();

  constructor(folder: Pick<SourceFolder, "letters" | "keywordsOf">) {
    this.names = [...folder.letters];
    for (const [key, names] of folder.keywordsOf) this.note(key, names);
  }

  /** What a message has. Where there are as many keywords as a mailbox may have, further ones are left out. */
  note(key: string, names: readonly string[]): void {
    this.#keywordsOf.set(key, names);
    for (const name of names) {
      if (this.#positionOf(name) >= 0 || this.names.length >= limits.keywordsMax) continue;
      const free = this.names.indexOf(undefined);
      if (free < 0) this.names.push(name);
      else this.names[free] = name;
    }
  }

  fileNamed(file: SeenFile): SeenFile {
    const letters = this.positionsOf(file.key)
      .map(letterOfKeywordIndex)
      .filter((letter) => letter !== undefined);
    if (letters.length === 0) return file;
    const all = new Set([...infoLetters(file.info).split(""), ...letters]);
    return { ...file, isNew: false, info: `:2,${[...all].sort().join("")}` };
  }

  positionsOf(key: string): number[] {
    const positions = (this.#keywordsOf.get(key) ?? []).map((name) => this.#positionOf(name));
    return [...new Set(positions.filter((at) => at >= 0))].sort((a, b) => a - b);
  }

  get beyondLetters(): Map<number, string> {
    const more = new Map<number, string>();
    for (const [at, name] of this.names.entries()) {
      if (at >= keywordLettersMax && name !== undefined) more.set(at, name);
    }
    return more;
  }

  get keysBeyondLetters(): Map<string, number[]> {
    const messages = new Map<string, number[]>();
    for (const key of this.#keywordsOf.keys()) {
      const beyond = this.positionsOf(key).filter((at) => at >= keywordLettersMax);
      if (beyond.length > 0) messages.set(key, beyond);
    }
    return messages;
  }

  #positionOf(name: string): number {
    const lowered = name.toLowerCase();
    return this.names.findIndex((known) => known?.toLowerCase() === lowered);
  }
}
