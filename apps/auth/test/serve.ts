import { type AuthenticateResult, connectAdmin, connectAuth } from "@posthouse/accounts";
import { bcryptHasher, type PasswordHasher } from "@posthouse/accounts/directory";
import { type TestContext, testContext } from "@posthouse/service";
import { type AuthSeams, start } from "../src/app.ts";

/** auth over a fresh directory with its two clients; everything ends with the test. */
export async function serveAuth(options: { toml?: string; seams?: AuthSeams } = {}) {
  const stack = new AsyncDisposableStack();
  const context: TestContext = stack.use(await testContext(options.toml));
  const app = await start(context, options.seams);
  stack.defer(() => app.close());
  const { socketPath, adminSocketPath } = context.config.auth;
  return {
    context,
    app,
    auth: stack.use(connectAuth({ socketPath })),
    admin: stack.use(connectAdmin({ socketPath: adminSocketPath })),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A hasher that counts, and waits where it is told to. */
export class CountingHasher implements PasswordHasher {
  readonly #inner = bcryptHasher(4);
  compared = 0;
  gate: Promise<void> = Promise.resolve();

  hash(password: Buffer): Promise<string> {
    return this.#inner.hash(password);
  }

  async matches(password: Buffer, hash: string): Promise<boolean> {
    this.compared += 1;
    await this.gate;
    return await this.#inner.matches(password, hash);
  }

  isCurrent(hash: string): boolean {
    return this.#inner.isCurrent(hash);
  }
}

/** What was answered, without what watches it. */
export function told(result: AuthenticateResult): object {
  const { onEnd: _, ...answer } = { onEnd: undefined, ...result };
  return answer;
}
