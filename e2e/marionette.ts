import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * Thunderbird's own remote control (the protocol that geckodriver speaks): JSON arrays, each after its
 * length and a colon. Scripts run inside Thunderbird with all its rights.
 */
export class Marionette implements Disposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void }
  >();
  #received = Buffer.alloc(0);
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (octets: Buffer) => this.#take(octets));
    socket.on("close", () => {
      for (const waiting of this.#waiting.values())
        waiting.reject(new Error("Thunderbird has closed its remote control"));
    });
  }

  static async connect(port: number): Promise<Marionette> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const marionette = new Marionette(socket);
    await marionette.#call("WebDriver:NewSession", {
      capabilities: { alwaysMatch: { unhandledPromptBehavior: "ignore" } },
    });
    await marionette.#call("Marionette:SetContext", { value: "chrome" });
    await marionette.#call("WebDriver:SetTimeouts", { script: 60_000 });
    return marionette;
  }

  /** Runs the body of an async function in Thunderbird and gives back what it returns. */
  async run<Result>(body: string, ...args: readonly unknown[]): Promise<Result> {
    const script = `
      const done = arguments[arguments.length - 1];
      const args = [...arguments].slice(0, -1);
      (async (...args) => { ${body} })(...args).then((value) => done({ value }), (error) => done({ error: String(error) + "\\n" + error.stack }));`;
    const { value } = (await this.#call("WebDriver:ExecuteAsyncScript", {
      script,
      args,
      newSandbox: true,
    })) as {
      value: { value: Result; error?: string };
    };
    if (value.error !== undefined) throw new Error(value.error);
    return value.value;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #call(name: string, parameters: object): Promise<unknown> {
    const id = ++this.#lastId;
    const text = JSON.stringify([0, id, name, parameters]);
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take(octets: Buffer): void {
    this.#received = Buffer.concat([this.#received, octets]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      const length = Number(this.#received.subarray(0, Math.max(colon, 0)).toString());
      if (colon === -1 || this.#received.length < colon + 1 + length) return;
      const message: unknown = JSON.parse(
        this.#received.subarray(colon + 1, colon + 1 + length).toString(),
      );
      this.#received = this.#received.subarray(colon + 1 + length);
      if (Array.isArray(message))
        this.#answer(message as [number, number, { message: string } | null, unknown]);
    }
  }

  #answer([, id, error, result]: [number, number, { message: string } | null, unknown]): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === null) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }
}
