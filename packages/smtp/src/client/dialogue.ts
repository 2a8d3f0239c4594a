import type { Reply } from "../reply.ts";
import { clientLimits } from "./limits.ts";

/**
 * The last lines of a session, for people who ask why mail waits: `> MAIL FROM:<…>`, `< 250 Ok`. A reply
 * of several lines is one here, octets of messages are left out, and secrets never come here.
 */
export class Dialogue {
  #lines: string[] = [];

  /** What was said and heard, oldest first. */
  get lines(): readonly string[] {
    return [...this.#lines];
  }

  said(line: string): void {
    this.#add(`> ${line}`);
  }

  heard({ code, enhanced, text }: Reply): void {
    this.#add(`< ${[code, enhanced, text].filter((part) => part !== undefined).join(" ")}`);
  }

  /** What came instead of a reply. */
  noted(what: string): void {
    this.#add(`- ${what}`);
  }

  forget(): void {
    this.#lines = [];
  }

  #add(line: string): void {
    const most = clientLimits.dialogueLineCharsMax;
    const short = line.length > most ? `${line.slice(0, most).toWellFormed()} …` : line;
    this.#lines.push(short.replaceAll(/[\r\n]+/gu, " / "));
    if (this.#lines.length > clientLimits.dialogueLinesMax) this.#lines.shift();
  }
}
