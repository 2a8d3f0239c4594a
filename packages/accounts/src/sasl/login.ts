import { SaslError } from "./sasl-error.ts";
import { decodeSaslResponse, decodeUtf8 } from "./sasl-response.ts";

export type LoginStep =
  /** To be sent to the client, in base64 already. */
  | { readonly kind: "challenge"; readonly challenge: string }
  | { readonly kind: "done"; readonly username: string; readonly password: string };

/**
 * SASL LOGIN, which no RFC defines: the server asks for a user name, then for a password. Outlook and
 * cameras send it. The words of the challenges are those that such clients were tested with.
 */
export class LoginExchange {
  #username: string | undefined;

  /** With an initial response the user name came along with the command. */
  start(initialResponse?: string | Uint8Array): LoginStep {
    if (initialResponse === undefined) return challenge("Username:");
    return this.respond(initialResponse);
  }

  /**
   * Takes the next response, base64 as it came.
   *
   * @throws SaslError
   */
  respond(response: string | Uint8Array): LoginStep {
    const text = decodeUtf8(decodeSaslResponse(response));
    if (text === "" || text.includes("\0")) {
      throw new SaslError("malformed", "LOGIN needs a user name and a password");
    }
    if (this.#username === undefined) {
      this.#username = text;
      return challenge("Password:");
    }
    return { kind: "done", username: this.#username, password: text };
  }
}

function challenge(words: string): LoginStep {
  return { kind: "challenge", challenge: Buffer.from(words).toString("base64") };
}
