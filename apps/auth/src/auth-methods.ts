import type {
  ApopRequest,
  AuthenticateRequest,
  CertifiedLoginRequest,
  ScramChallengeRequest,
  ScramProofRequest,
  TokenLoginRequest,
} from "@posthouse/accounts";
import { type Directory, LOGIN_PROTOCOLS, type Secrets } from "@posthouse/accounts/directory";
import { type CallArguments, type CallMethods, callLimits } from "@posthouse/accounts/socket";
import { signWebhook, webhookLimits } from "@posthouse/webhooks";
import type { Bans } from "./bans.ts";
import type { OpenLogins } from "./open-logins.ts";

const scramHashes = ["sha256", "sha1"] as const;

/** Who answers logins; what is answered is the asking server's affair. */
export interface Logins {
  authenticate(request: AuthenticateRequest): unknown;
  scramChallenge(request: ScramChallengeRequest): unknown;
  authenticateScram(request: ScramProofRequest): unknown;
  authenticateApop(request: ApopRequest): unknown;
  authenticateCertified(request: CertifiedLoginRequest): unknown;
  authenticateToken(request: TokenLoginRequest): unknown;
}

/** What servers may ask: AuthClient, method by method. */
export function authMethods(parts: {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly logins: Logins;
  readonly bans: Bans;
  readonly open: OpenLogins;
}): CallMethods {
  return new Map([
    ...Object.entries(loginMethods(parts.logins)),
    ...Object.entries(openLoginMethods(parts.open)),
    ...Object.entries(directoryMethods(parts.directory)),
    ...Object.entries(webhookMethods(parts)),
    ...Object.entries(banMethods(parts.bans)),
  ]);
}

function loginMethods(logins: Logins) {
  return {
    authenticate: (args: CallArguments) =>
      logins.authenticate({
        ...login(args),
        password: args.string("password", callLimits.passwordCharsMax),
      }),
    scramChallenge: (args: CallArguments) =>
      logins.scramChallenge({ ...login(args), hash: args.oneOf("hash", scramHashes) }),
    authenticateScram: (args: CallArguments) =>
      logins.authenticateScram({
        ...login(args),
        hash: args.oneOf("hash", scramHashes),
        authMessage: args.string("authMessage", callLimits.scramMessageCharsMax),
        proof: args.string("proof", callLimits.hashCharsMax),
      }),
    authenticateApop: (args: CallArguments) =>
      logins.authenticateApop({
        ...login(args),
        timestamp: args.string("timestamp", callLimits.addressCharsMax),
        digest: args.string("digest", callLimits.hashCharsMax),
      }),
    authenticateCertified: (args: CallArguments) =>
      logins.authenticateCertified({
        ...login(args),
        addresses: args.strings("addresses", {
          countMax: callLimits.certifiedAddressesMax,
          charsMax: callLimits.addressCharsMax,
        }),
      }),
    authenticateToken: (args: CallArguments) =>
      logins.authenticateToken({
        ...login(args),
        token: args.string("token", callLimits.tokenCharsMax),
      }),
  };
}

function openLoginMethods(open: OpenLogins) {
  return {
    loginsHold: (args: CallArguments) =>
      args
        .strings("logins", {
          countMax: callLimits.loginsPerCheckMax,
          charsMax: callLimits.loginCharsMax,
        })
        .map((login) => open.holds(login)),
  };
}

function directoryMethods(directory: Directory) {
  return {
    resolveRecipient: (args: CallArguments) => directory.resolveRecipient(address(args)),
    findAccount: (args: CallArguments) => directory.findAccount(address(args)),
    forwardingSender: (args: CallArguments) =>
      directory.forwardingSender(address(args, "reversePath"), address(args, "via")),
    maySendAs: (args: CallArguments) =>
      directory.maySendAs(address(args, "accountAddress"), address(args, "senderAddress")),
  };
}

/** The secret does not leave this process. */
function webhookMethods({
  directory,
  secrets,
}: {
  readonly directory: Directory;
  readonly secrets: Secrets;
}) {
  return {
    signWebhook: (args: CallArguments) => {
      const accountId = address(args, "accountId");
      const url = directory.webhookUrl(accountId);
      const secret = secrets.webhookSecret(accountId);
      if (url === undefined || secret === undefined) return null;
      const signature = signWebhook(secret, {
        id: address(args, "id"),
        timestamp: args.optionalCount("timestamp") ?? 0,
        body: args.string("body", webhookLimits.bodyBytesMax),
      });
      return { url, signature };
    },
  };
}

function banMethods(bans: Bans) {
  const remoteAddress = (args: CallArguments) =>
    args.string("remoteAddress", callLimits.remoteAddressCharsMax);
  return {
    bannedSeconds: (args: CallArguments) => bans.secondsFor(remoteAddress(args)),
    reportAbuse: (args: CallArguments) =>
      bans.abused(
        remoteAddress(args),
        args.string("reason", callLimits.addressCharsMax),
        args.optionalCount("times") ?? 1,
      ),
  };
}

function login(args: CallArguments) {
  return {
    username: args.string("username", callLimits.usernameCharsMax),
    protocol: args.oneOf("protocol", LOGIN_PROTOCOLS),
    remoteAddress: args.string("remoteAddress", callLimits.remoteAddressCharsMax),
  };
}

function address(args: CallArguments, name = "address"): string {
  return args.string(name, callLimits.addressCharsMax);
}
