import { type Answer, answers, type Request } from "../answers.ts";

const PREFIX = "/.well-known/acme-challenge/";

/** What the ACME server is going to ask for, while an order runs: key authorizations by token. */
export class Challenges {
  readonly #byToken = new Map<string, string>();

  add(token: string, keyAuthorization: string): void {
    this.#byToken.set(token, keyAuthorization);
  }

  get(token: string): string | undefined {
    return this.#byToken.get(token);
  }

  /** The order is over, one way or the other. */
  clear(): void {
    this.#byToken.clear();
  }
}

/**
 * HTTP-01, RFC 8555 §8.3. Whatever the Host: a key authorization proves nothing to whoever already
 * knows the token, and only the ACME server and we do.
 */
export function answerChallenge(challenges: Challenges, request: Request): Answer | undefined {
  if (!request.path.startsWith(PREFIX)) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return answers.methodNotAllowed;
  const keyAuthorization = challenges.get(request.path.slice(PREFIX.length));
  if (keyAuthorization === undefined) return answers.notFound;
  return { status: 200, contentType: "application/octet-stream", body: keyAuthorization };
}
