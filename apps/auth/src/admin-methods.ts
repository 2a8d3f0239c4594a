import {
  type Compression,
  DirectoryError,
  type LoginProtocol,
  type MailboxFormat,
} from "@posthouse/accounts";
import { type Directory, LOGIN_PROTOCOLS } from "@posthouse/accounts/directory";
import { type CallArguments, type CallMethods, callLimits } from "@posthouse/accounts/socket";
import { webhookLimits } from "@posthouse/webhooks";
import type { Administration } from "./administration.ts";
import type { Bans } from "./bans.ts";
import { limits } from "./limits.ts";

/** What the administrator may ask: AdminClient, method by method. */
export function adminMethods(parts: {
  readonly directory: Directory;
  readonly administration: Administration;
  readonly bans: Bans;
}): CallMethods {
  return new Map([
    ...Object.entries(domainMethods(parts.directory, parts.administration)),
    ...Object.entries(accountMethods(parts.directory, parts.administration)),
    ...Object.entries(lifeMethods(parts.directory, parts.administration)),
    ...Object.entries(aliasMethods(parts.directory)),
    ...Object.entries(listMethods(parts.directory)),
    ...Object.entries(grantMethods(parts.directory)),
    ...Object.entries(appPasswordMethods(parts.administration)),
    ...Object.entries(apopMethods(parts.administration)),
    ...Object.entries(webhookMethods(parts.administration)),
    ...Object.entries(loginMethods(parts.administration, parts.bans)),
  ]);
}

function domainMethods(directory: Directory, administration: Administration) {
  return {
    addDomain: (args: CallArguments) => directory.addDomain(address(args, "domain")),
    removeDomain: (args: CallArguments) =>
      administration.removeDomain(address(args, "domain"), args.flag("force")),
    listDomains: (args: CallArguments) => directory.listDomains(after(args)),
    addDomainAlias: (args: CallArguments) =>
      directory.addDomainAlias(address(args, "alias"), address(args, "domain")),
    removeDomainAlias: (args: CallArguments) => directory.removeDomainAlias(address(args, "alias")),
    listDomainAliases: () => directory.listDomainAliases(),
    addException: (args: CallArguments) => directory.addException(address(args)),
    removeException: (args: CallArguments) => directory.removeException(address(args)),
    listExceptions: (args: CallArguments) => directory.listExceptions(address(args, "domain")),
  };
}

function accountMethods(directory: Directory, administration: Administration) {
  return {
    addAccount: (args: CallArguments) => {
      const password = args.optionalString("password", callLimits.passwordCharsMax);
      const { quotaBytes, quotaMessages } = quota(args);
      return administration.addAccount({
        address: address(args),
        ...(password !== undefined && { password }),
        ...(typeof quotaBytes === "number" && { quotaBytes }),
        ...(typeof quotaMessages === "number" && { quotaMessages }),
        ...(args.has("compression") && { compression: compression(args) }),
        ...(args.has("format") && { format: format(args) }),
      });
    },
    removeAccount: (args: CallArguments) => administration.removeAccount(address(args)),
    listAccounts: (args: CallArguments) => administration.listAccounts(page(args)),
    setPassword: (args: CallArguments) =>
      administration.setPassword(
        address(args),
        args.string("password", callLimits.passwordCharsMax),
      ),
    setPasswordHash: (args: CallArguments) =>
      administration.setPasswordHash(address(args), args.string("hash", callLimits.hashCharsMax)),
    setQuota: (args: CallArguments) => directory.setQuota(address(args), quota(args)),
    setCompression: (args: CallArguments) =>
      directory.setCompression(address(args), compression(args)),
  };
}

/** From disabling it to its end. */
function lifeMethods(directory: Directory, administration: Administration) {
  return {
    putAccountAway: (args: CallArguments) =>
      administration.putAccountAway(address(args), args.optionalCount("untilMs") ?? 0),
    findAccount: (args: CallArguments) => directory.accountIfThere(address(args)),
    restoreAccount: (args: CallArguments) => directory.restoreAccount(address(args)),
    listRemoved: () => directory.listRemoved(),
    setDisabled: (args: CallArguments) =>
      administration.setDisabled(
        address(args),
        args.has("disabled") ? args.oneOf("disabled", ["logins", "all"] as const) : undefined,
      ),
    setKeepsOld: (args: CallArguments) =>
      directory.setKeepsOld(address(args), args.flag("keepsOld")),
    beginRename: (args: CallArguments) =>
      administration.beginRename(address(args), address(args, "newAddress")),
    finishRename: (args: CallArguments) =>
      directory.finishRename(address(args), { keepsAlias: args.flag("keepsAlias") }),
    beginDomainRename: (args: CallArguments) =>
      administration.beginDomainRename(address(args, "domain"), address(args, "newDomain")),
    finishDomainRename: (args: CallArguments) =>
      directory.finishDomainRename(address(args, "domain"), address(args, "newDomain"), {
        keepsAlias: args.flag("keepsAlias"),
      }),
  };
}

function aliasMethods(directory: Directory) {
  return {
    addAlias: (args: CallArguments) => directory.addAlias(address(args), targets(args)),
    removeAlias: (args: CallArguments) =>
      directory.removeAlias(address(args), args.has("targets") ? targets(args) : undefined),
    setAliasRights: (args: CallArguments) =>
      directory.setAliasRights(address(args), {
        ...(args.has("acceptsFrom") && {
          acceptsFrom: args.oneOf("acceptsFrom", ["anybody", "people", "members"] as const),
        }),
        ...(args.has("maySendAs") && { maySendAs: args.flag("maySendAs") }),
      }),
    listAliases: (args: CallArguments) => directory.listAliases(page(args)),
  };
}

function listMethods(directory: Directory) {
  const people = (args: CallArguments, name: string) =>
    args.has(name)
      ? args.strings(name, {
          countMax: callLimits.listMembersMax,
          charsMax: callLimits.addressCharsMax,
        })
      : [];
  const settings = (args: CallArguments) => ({
    ...(args.has("name") && { name: args.string("name", callLimits.addressCharsMax) }),
    ...(args.has("posts") && {
      posts: args.oneOf("posts", ["anybody", "people", "members", "named"] as const),
    }),
  });
  return {
    addList: (args: CallArguments) =>
      directory.lists.add(address(args), {
        ...settings(args),
        owners: people(args, "owners"),
        members: people(args, "members"),
      }),
    removeList: (args: CallArguments) => directory.lists.remove(address(args)),
    setList: (args: CallArguments) => directory.lists.set(address(args), settings(args)),
    changeListPeople: (args: CallArguments) =>
      directory.lists.changePeople(address(args), {
        role: args.oneOf("role", ["owner", "poster", "member"] as const),
        add: people(args, "add"),
        remove: people(args, "remove"),
      }),
    findList: (args: CallArguments) => directory.lists.find(address(args)),
    listLists: (args: CallArguments) => directory.listLists(page(args)),
  };
}

function grantMethods(directory: Directory) {
  const sender = (args: CallArguments) => args.string("sender", callLimits.addressCharsMax);
  return {
    grantSender: (args: CallArguments) => directory.grantSender(address(args), sender(args)),
    revokeSender: (args: CallArguments) => directory.revokeSender(address(args), sender(args)),
    listSenderGrants: (args: CallArguments) => directory.listSenderGrants(address(args)),
  };
}

function appPasswordMethods(administration: Administration) {
  return {
    addAppPassword: (args: CallArguments) =>
      administration.addAppPassword({
        address: address(args),
        name: args.string("name", callLimits.addressCharsMax),
        scopes: args
          .strings("scopes", { countMax: LOGIN_PROTOCOLS.length, charsMax: 16 })
          .map(protocol),
      }),
    listAppPasswords: (args: CallArguments) => administration.listAppPasswords(address(args)),
    revokeAppPassword: (args: CallArguments) =>
      administration.revokeAppPassword(
        address(args),
        args.string("which", callLimits.addressCharsMax),
      ),
    setAppPasswordsOnly: (args: CallArguments) =>
      administration.setAppPasswordsOnly(address(args), args.flag("isOnly")),
  };
}

function protocol(text: string): LoginProtocol {
  const found = LOGIN_PROTOCOLS.find((one) => one === text);
  if (found !== undefined) return found;
  throw new DirectoryError(
    "bad-request",
    `There is no protocol "${text}": ${LOGIN_PROTOCOLS.join(", ")}`,
  );
}

function apopMethods(administration: Administration) {
  return {
    makeApopSecret: (args: CallArguments) => administration.makeApopSecret(address(args)),
    removeApopSecret: (args: CallArguments) => administration.removeApopSecret(address(args)),
    listApopSecrets: (args: CallArguments) => administration.listApopSecrets(after(args)),
  };
}

function webhookMethods(administration: Administration) {
  return {
    setWebhook: (args: CallArguments) =>
      administration.setWebhook(address(args), args.string("url", webhookLimits.urlCharsMax)),
    webhook: (args: CallArguments) => administration.webhook(address(args)) ?? null,
    removeWebhook: (args: CallArguments) => administration.removeWebhook(address(args)),
  };
}

function loginMethods(administration: Administration, bans: Bans) {
  return {
    lastLogins: (args: CallArguments) => administration.lastLogins(address(args)),
    loginHistory: (args: CallArguments) => administration.loginHistory(address(args)),
    listBans: () => bans.list((subject) => administration.nameOf(subject)),
    addBan: (args: CallArguments) =>
      bans.add(
        args.string("network", callLimits.remoteAddressCharsMax),
        args.optionalCount("seconds") ?? limits.banByHandSecondsMax,
      ),
    liftBans: (args: CallArguments) =>
      bans.lift(args.string("remoteAddress", callLimits.remoteAddressCharsMax)),
  };
}

function address(args: CallArguments, name = "address"): string {
  return args.string(name, callLimits.addressCharsMax);
}

function after(args: CallArguments): string | undefined {
  return args.optionalString("after", callLimits.addressCharsMax);
}

function targets(args: CallArguments): string[] {
  return args.strings("targets", {
    countMax: callLimits.aliasTargetsMax,
    charsMax: callLimits.addressCharsMax,
  });
}

function page(args: CallArguments): { readonly domain?: string; readonly after?: string } {
  const domain = args.optionalString("domain", callLimits.addressCharsMax);
  const from = after(args);
  return { ...(domain !== undefined && { domain }), ...(from !== undefined && { after: from }) };
}

function quota(args: CallArguments) {
  const quotaBytes = args.optionalCount("quotaBytes");
  const quotaMessages = args.optionalCount("quotaMessages");
  return {
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(quotaMessages !== undefined && { quotaMessages }),
  };
}

function format(args: CallArguments): MailboxFormat {
  const wanted = args.string("format", 8);
  if (wanted === "maildir" || wanted === "mbox") return wanted;
  throw new DirectoryError("bad-request", `There is no format "${wanted}": maildir or mbox`);
}

function compression(args: CallArguments): Compression {
  const wanted = args.string("compression", 8);
  if (wanted === "zstd" || wanted === "none") return wanted;
  throw new DirectoryError("bad-request", `There is no compression "${wanted}": zstd or none`);
}
