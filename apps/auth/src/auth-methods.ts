import type { AuthenticateRequest, AuthenticateResult } from "@posthouse/accounts";
import type { Directory } from "@posthouse/accounts/directory";
import { type CallArguments, type CallMethods, callLimits } from "@posthouse/accounts/socket";

const protocols = ["imap", "pop3", "submission", "managesieve"] as const;

/** What servers may ask: AuthClient, method by method. */
export function authMethods(parts: {
  readonly directory: Directory;
  readonly authenticate: (request: AuthenticateRequest) => Promise<AuthenticateResult>;
}): CallMethods {
  const { directory, authenticate } = parts;
  const address = (args: CallArguments, name = "address") =>
    args.string(name, callLimits.addressCharsMax);
  return new Map(
    Object.entries({
      authenticate: (args: CallArguments) =>
        authenticate({
          username: args.string("username", callLimits.usernameCharsMax),
          password: args.string("password", callLimits.passwordCharsMax),
          protocol: args.oneOf("protocol", protocols),
          remoteAddress: args.string("remoteAddress", callLimits.remoteAddressCharsMax),
        }),
      resolveRecipient: (args: CallArguments) => directory.resolveRecipient(address(args)),
      findAccount: (args: CallArguments) => directory.findAccount(address(args)),
      maySendAs: (args: CallArguments) =>
        directory.maySendAs(address(args, "accountAddress"), address(args, "senderAddress")),
    }),
  );
}
