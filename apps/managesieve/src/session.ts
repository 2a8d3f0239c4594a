import { bad, type CommandFailure, CommandSession, Farewell } from "@posthouse/session";
import { ConnectionLost, type WireConnection } from "@posthouse/wire";
import { capabilityLines } from "./capabilities.ts";
import type { Completion, Session } from "./command.ts";
import { CommandReader } from "./command-reader.ts";
import { commands } from "./commands.ts";
import { limits } from "./limits.ts";
import { failureWords, formatResponse } from "./response.ts";
import type { Services } from "./services.ts";
import type { State } from "./state.ts";

/** One connection of ManageSieve: states, commands and answers; all else is CommandSession's (RFC 5804 §2). */
export class ManageSieveSession extends CommandSession<Services, CommandReader> implements Session {
  #state: State = { name: "not-authenticated" };
  #loginTimer: NodeJS.Timeout | undefined;

  constructor(
    connection: WireConnection,
    services: Services,
    { isImplicitTls }: { readonly isImplicitTls: boolean },
  ) {
    super(connection, { services, isImplicitTls, failureWords, ...limits });
    this.#startLoginTimer();
  }

  protected get isOver(): boolean {
    return this.#state.name === "closed";
  }

  /** RFC 5804 §1.7: the capabilities, unasked: at the beginning, and when TLS stands (§2.2). */
  protected greet(): void {
    for (const line of capabilityLines(this, this.#state)) this.connection.write(line);
    const text = `${this.services.config.hostname} Posthouse ManageSieve ready`;
    this.connection.write(formatResponse("OK", { text }));
  }

  protected readCommand(): Promise<CommandReader | undefined> {
    return CommandReader.read(this.connection);
  }

  protected async perform(args: CommandReader): Promise<void> {
    await this.#answer(await this.#runWhole(args));
  }

  protected writeFailure(failure: CommandFailure): void {
    const { code, message: text } = failure;
    this.connection.write(
      formatResponse(failure instanceof Farewell ? "BYE" : "NO", { code, text }),
    );
  }

  protected failureOf(): undefined {
    return undefined;
  }

  protected leave(): void {
    this.#enter({ name: "closed" });
  }

  /** RFC 5804 §1.2: BYE SHOULD be used. */
  protected override sayIdle(): void {
    this.writeFailure(new Farewell("Idle for too long"));
  }

  async #runWhole(args: CommandReader): Promise<Completion> {
    try {
      const done = await this.#run(args);
      if (done.state !== undefined) this.#enter(done.state);
      return done;
    } catch (error) {
      // A script that nobody wants is still on its way, and must not be taken for commands.
      if (!(error instanceof Farewell) && !(error instanceof ConnectionLost)) await args.skip();
      throw error;
    }
  }

  async #run(args: CommandReader): Promise<Completion> {
    const name = args.atom();
    const command = commands.get(name);
    if (command === undefined) throw bad("Unknown command");
    this.commandName = name;
    // RFC 5804 §2: before a login all others are answered with NO.
    if (!command.states.includes(this.#state.name)) {
      throw bad(
        this.#state.name === "authenticated"
          ? `${name} is not allowed after AUTHENTICATE`
          : `${name} is not allowed before AUTHENTICATE`,
      );
    }
    return await command.run(this.#state, args, this);
  }

  async #answer({ text, code, data = [], afterwards }: Completion): Promise<void> {
    for (const piece of data) this.connection.write(piece);
    this.connection.write(formatResponse("OK", { code, text }));
    if (afterwards !== undefined) {
      await afterwards();
      this.greet();
    }
  }

  #enter(state: State): void {
    const before = this.#state;
    this.#state = state;
    clearTimeout(this.#loginTimer);
    if (before.name === "authenticated") {
      this.forgetLogin();
      before.slot[Symbol.dispose]();
      this.recordLogout("managesieve", before.account.address);
    }
    if (state.name === "not-authenticated") this.#startLoginTimer();
  }

  #startLoginTimer(): void {
    this.#loginTimer = setTimeout(() => {
      this.writeFailure(new Farewell("Nobody has logged in"));
      this.#enter({ name: "closed" });
      this.closeConnection();
    }, limits.loginMsMax).unref();
  }
}
