interface Waiting extends PromiseWithResolvers<string> {
  readonly text: string;
}

/** Lines of a log that somebody waits for. Those about single messages are not kept. */
export class LineWatch {
  readonly #lines: string[] = [];
  #waiting: Waiting[] = [];

  add(line: string): void {
    if (!line.includes('"messageId"')) this.#lines.push(line);
    const found = this.#waiting.filter(({ text }) => line.includes(text));
    if (found.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => !found.includes(one));
    for (const { resolve } of found) resolve(line);
  }

  end(why: string): void {
    for (const { reject } of this.#waiting) reject(new Error(`${why}:\n${this.#lines.join("\n")}`));
    this.#waiting = [];
  }

  said(text: string): Promise<string> {
    const line = this.#lines.find((one) => one.includes(text));
    if (line !== undefined) return Promise.resolve(line);
    const waiting = { text, ...Promise.withResolvers<string>() };
    this.#waiting.push(waiting);
    return waiting.promise;
  }
}
