import { SaslError } from "./sasl-error.ts";
import { decodeSaslResponse, decodeUtf8 } from "./sasl-response.ts";

export interface PlainCredentials {
  /** Empty, or the same as `username`. */
  readonly authorizationId: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Reads the one message of SASL PLAIN (RFC 4616 §2): a string is taken as the base64 of a protocol
 * line, octets as the message itself.
 *
 * @throws SaslError
 */
export function decodePlain(response: string | Uint8Array): PlainCredentials {
  const octets = typeof response === "string" ? decodeSaslResponse(response) : response;
  const fields = decodeUtf8(octets).split("\0");
  const [authorizationId = "", username = "", password = ""] = fields;
  if (fields.length !== 3 || username === "" || password === "") {
    throw new SaslError("malformed", "PLAIN needs a user name and a password");
  }
  // RFC 4616 §2: the server verifies that the client may act as authzid. Nobody may act for others here.
  if (authorizationId !== "" && authorizationId.toLowerCase() !== username.toLowerCase()) {
    throw new SaslError("not-authorized", "The authorization identity is not the login");
  }
  return { authorizationId, username, password };
}
