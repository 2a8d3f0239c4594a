import assert from "node:assert/strict";
import { test } from "node:test";
import { SenderRewriting } from "../src/address/sender-rewriting.ts";
import type { Directory } from "../src/directory/directory.ts";
import { newAccountId } from "../src/directory/directory.ts";
import { openDirectory } from "./temporary-directory.ts";

function add(directory: Directory, ...addresses: string[]): void {
  for (const address of addresses) directory.addAccount(newAccountId(), address);
}

function withAnnAndBob(options: Parameters<typeof openDirectory>[0] = {}) {
  const opened = openDirectory(options);
  opened.directory.addDomain("example.org");
  add(opened.directory, "ann@example.org", "bob@example.org");
  return opened;
}

test("letter case, quoting and the form of the domain make no other address", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addDomain("Bücher.example");
  add(directory, "Jörg@bücher.example");
  for (const address of ["ANN@EXAMPLE.ORG", '"ann"@example.org', '"a\\nn"@example.org']) {
    assert.deepEqual(goesTo(address), ["ann@example.org"], address);
  }
  for (const address of ["jörg@xn--bcher-kva.example", "JO\u0308RG@BU\u0308CHER.example"]) {
    assert.deepEqual(goesTo(address), ["jörg@xn--bcher-kva.example"], address);
  }
});

test("a subaddress goes to its account unless it is an address of its own", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  assert.deepEqual(goesTo("ann+lists+x@example.org"), ["ann@example.org"]);
  directory.addAlias("ann+bob@example.org", ["bob@example.org"]);
  assert.deepEqual(goesTo("ann+bob@example.org"), ["bob@example.org"]);
  assert.equal(goesTo("+ann@example.org"), "unknown-user");
  assert.equal(goesTo("nobody+lists@example.org"), "unknown-user");
});

test("another separator can be chosen", () => {
  using opened = withAnnAndBob({ subaddressSeparator: "-" });
  assert.deepEqual(opened.goesTo("ann-lists@example.org"), ["ann@example.org"]);
  assert.equal(opened.goesTo("ann+lists@example.org"), "unknown-user");
});

test("a domain of others, an address literal and a broken domain are not ours", () => {
  using opened = withAnnAndBob();
  for (const address of ["x@example.net", "x@[192.0.2.1]", "x@-bad-", "x@", "x@sub.example.org"]) {
    assert.equal(opened.goesTo(address), "not-ours", address);
  }
  for (const address of ["ann", "", "@example.org", '""@example.org', "a@b@example.org"]) {
    assert.equal(opened.goesTo(address), "unknown-user", address);
  }
});

test("an alias leads through others to accounts and remote addresses, each once", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("all@example.org", ["ann@example.org", "Bob.Remote@Example.NET"]);
  directory.addAlias("sales@example.org", ["all@example.org", "ann+x@example.org"]);
  assert.deepEqual(goesTo("sales@example.org"), ["ann@example.org", "<Bob.Remote@example.net>"]);
  assert.deepEqual(goesTo("sales+info@example.org"), [
    "ann@example.org",
    "<Bob.Remote@example.net>",
  ]);
});

test("a catch-all takes what nobody else is, and no circle", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("@example.org", ["bob@example.org"]);
  assert.deepEqual(goesTo("whoever@example.org"), ["bob@example.org"]);
  assert.deepEqual(goesTo("ann@example.org"), ["ann@example.org"]);
  assert.throws(() => directory.addAlias("@example.org", ["nobody@example.org"]), { code: "loop" });
  assert.deepEqual(goesTo("whoever@example.org"), ["bob@example.org"]);
});

test("aliases in a circle are refused with the circle named, and nothing is kept of them", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("a@example.org", ["ann@example.org"]);
  directory.addAlias("b@example.org", ["a@example.org"]);
  directory.addAlias("c@example.org", ["b+x@example.org"]);
  assert.throws(() => directory.addAlias("a@example.org", ["c@example.org"]), {
    code: "loop",
    message: /a@example.org → c@example.org → b@example.org → a@example.org$/,
  });
  assert.throws(() => directory.addAlias("d@example.org", ["d@example.org"]), {
    code: "not-found",
  });
  assert.deepEqual(goesTo("a@example.org"), ["ann@example.org"]);
});

test("what led only to an account that went is unknown", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("@example.org", ["bob@example.org"]);
  directory.addAlias("list@example.org", ["ann@example.org", "bob@example.org"]);
  directory.removeAccount("bob@example.org");
  assert.equal(goesTo("whoever@example.org"), "unknown-user");
  assert.deepEqual(goesTo("list@example.org"), ["ann@example.org"]);
});

test("aliases that would lead to too many addresses are refused", () => {
  using opened = withAnnAndBob();
  const { directory } = opened;
  const names: string[] = [];
  for (let list = 0; list < 11; list += 1) {
    const targets = Array.from({ length: 100 }, (_, i) => `p${i}@list${list}.example`);
    names.push(directory.addAlias(`list${list}@example.org`, targets).address);
  }
  assert.throws(() => directory.addAlias("all@example.org", names), { code: "limit" });
  assert.throws(() => directory.addAlias("list0@example.org", ["more@example.net"]), {
    code: "limit",
  });
});

test("postmaster is always somebody: bare, of each domain, of this host, with a subaddress", () => {
  using opened = openDirectory();
  const { directory, goesTo } = opened;
  directory.addDomain("example.org");
  directory.addDomain("example.net");
  assert.equal(goesTo("postmaster"), "unknown-user");
  add(directory, "first@example.net", "second@example.org");
  assert.deepEqual(goesTo("Postmaster"), ["first@example.net"]);
  assert.deepEqual(goesTo("postmaster@example.org"), ["second@example.org"]);
  assert.deepEqual(goesTo("postmaster@example.net"), ["first@example.net"]);
  assert.deepEqual(goesTo("PostMaster@Mail.example.org"), ["first@example.net"]);
  assert.equal(goesTo("ann@mail.example.org"), "not-ours");
  directory.addAlias("@example.org", ["second@example.org"]);
  directory.addAlias("postmaster@example.net", ["second@example.org"]);
  assert.deepEqual(goesTo("postmaster+x@example.org"), ["second@example.org"]);
  assert.deepEqual(goesTo("postmaster"), ["second@example.org"]);
});

test("reports go to the account for them, of whatever domain, where nobody else has that name", () => {
  using opened = openDirectory();
  const { directory, goesTo } = opened;
  directory.addDomain("example.org");
  directory.addDomain("example.net");
  assert.equal(goesTo("mail-reports@example.org"), "unknown-user");
  add(directory, "ann@example.net", "mail-reports@example.org");
  directory.addAlias("@example.net", ["ann@example.net"]);
  assert.deepEqual(goesTo("mail-reports@example.org"), ["mail-reports@example.org"]);
  assert.deepEqual(goesTo("mail-reports+x@example.net"), ["mail-reports@example.org"]);
  directory.addAlias("mail-reports@example.net", ["ann@example.net"]);
  assert.deepEqual(goesTo("mail-reports@example.net"), ["ann@example.net"]);
});

test("the configured postmaster comes before the oldest account, here or elsewhere", () => {
  for (const [postmaster, expected] of [
    ["bob@example.org", "bob@example.org"],
    ["ops@example.net", "<ops@example.net>"],
    ["gone@example.org", "ann@example.org"],
  ]) {
    using opened = withAnnAndBob({ postmaster: postmaster ?? "" });
    assert.deepEqual(opened.goesTo("postmaster"), [expected]);
    assert.deepEqual(opened.goesTo("postmaster@example.org"), [expected]);
  }
});

test("somebody may send as himself, his aliases and what was granted, and as nobody else", () => {
  using opened = withAnnAndBob();
  const { directory } = opened;
  const may = (sender: string) => directory.maySendAs("ann@example.org", sender);
  directory.addAlias("sales@example.org", ["ann@example.org", "bob@example.org"]);
  directory.addAlias("info@example.org", ["sales@example.org"]);
  directory.addAlias("@example.org", ["ann@example.org"]);
  const allowed = ["ann@example.org", "ANN+x@EXAMPLE.org", "sales@example.org", "info@example.org"];
  const refused = ["bob@example.org", "whoever@example.org", "ann@example.net", "ann", "@", "x@["];
  for (const sender of allowed) assert.equal(may(sender), true, sender);
  for (const sender of refused) assert.equal(may(sender), false, sender);
  assert.equal(may(""), true);
  assert.equal(directory.maySendAs("nobody@example.org", "ann@example.org"), false);

  directory.grantSender("ann@example.org", "@example.org");
  directory.grantSender("ann@example.org", "ann@other.example");
  assert.equal(may("whoever@example.org"), true);
  assert.equal(may("ann+x@other.example"), true);
  assert.deepEqual(directory.listSenderGrants("ann@example.org"), [
    "@example.org",
    "ann@other.example",
  ]);
  directory.revokeSender("ann@example.org", "@example.org");
  assert.equal(may("whoever@example.org"), false);
  assert.throws(() => directory.revokeSender("ann@example.org", "@example.org"), {
    code: "not-found",
  });
});

test("a domain goes only when it is empty or when forced, and takes everything along", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addDomain("example.net");
  add(directory, "eve@example.net");
  directory.addAlias("old@example.net", ["ann@example.org"]);
  directory.addAlias("both@example.net", ["ann@example.org", "eve@example.net"]);
  assert.throws(() => directory.removeDomain("example.org"), {
    code: "in-use",
    message:
      "The domain example.org still has 2 accounts and 0 aliases; remove them first, or use --force",
  });
  const taken = directory.removeDomain("EXAMPLE.org", { force: true });
  assert.equal(taken.accountIds.length, 2);
  assert.equal(taken.aliases, 1);
  assert.equal(goesTo("ann@example.org"), "not-ours");
  assert.deepEqual(goesTo("both@example.net"), ["eve@example.net"]);
  assert.equal(goesTo("old@example.net"), "unknown-user");
});

test("an account that goes is dropped from aliases, and those left empty go too", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("a@example.org", ["ann+detail@example.org"]);
  directory.addAlias("both@example.org", ["ann@example.org", "bob@example.org"]);
  const removed = directory.removeAccount("Ann@Example.org");
  assert.equal(removed.account.address, "ann@example.org");
  assert.deepEqual(removed.removedAliases, ["a@example.org"]);
  assert.deepEqual(goesTo("both@example.org"), ["bob@example.org"]);
});

test("quotas are set, kept and lifted one by one", () => {
  using opened = withAnnAndBob();
  const { directory } = opened;
  const quotaOf = () => {
    const { id: _, address: __, ...quota } = directory.account("ann@example.org");
    return quota;
  };
  assert.deepEqual(quotaOf(), {});
  directory.setQuota("ann@example.org", { quotaBytes: 2 ** 40, quotaMessages: 5 });
  directory.setQuota("ann@example.org", { quotaMessages: null });
  assert.deepEqual(quotaOf(), { quotaBytes: 2 ** 40 });
});

const refusals: { name: string; code: string; run: (directory: Directory) => unknown }[] = [
  { name: "a domain twice", code: "exists", run: (d) => d.addDomain("Example.ORG") },
  { name: "a domain that is an address", code: "bad-address", run: (d) => d.addDomain("127.1") },
  { name: "a domain with a port", code: "bad-address", run: (d) => d.addDomain("example.org:25") },
  { name: "an account twice", code: "exists", run: (d) => add(d, "ANN@example.org") },
  { name: "an account over an alias", code: "exists", run: (d) => add(d, "alias@example.org") },
  { name: "an account elsewhere", code: "not-found", run: (d) => add(d, "ann@example.net") },
  { name: "an account without a domain", code: "bad-address", run: (d) => add(d, "ann") },
  { name: "an account with a space", code: "bad-address", run: (d) => add(d, "a b@example.org") },
  { name: "two dots in a row", code: "bad-address", run: (d) => add(d, "a..b@example.org") },
  { name: "a path as a name", code: "bad-address", run: (d) => add(d, "../x@example.org") },
  { name: "a NUL", code: "bad-address", run: (d) => add(d, "a\0@example.org") },
  {
    name: "a name of 65 octets",
    code: "bad-address",
    run: (d) => add(d, `${"ü".repeat(32)}a@example.org`),
  },
  {
    name: "an alias over an account",
    code: "exists",
    run: (d) => d.addAlias("ann@example.org", ["bob@example.org"]),
  },
  {
    name: "an alias twice",
    code: "exists",
    run: (d) => d.addAlias("alias@example.org", ["BOB@example.org"]),
  },
  {
    name: "an alias to nobody",
    code: "not-found",
    run: (d) => d.addAlias("new@example.org", ["nobody@example.org"]),
  },
  {
    name: "an alias to a command",
    code: "bad-address",
    run: (d) => d.addAlias("new@example.org", ["|/bin/sh@example.net\r\n"]),
  },
  {
    name: "an alias without targets",
    code: "bad-request",
    run: (d) => d.addAlias("new@example.org", []),
  },
  { name: "removing no account", code: "not-found", run: (d) => d.removeAccount("x@example.org") },
  { name: "removing no alias", code: "not-found", run: (d) => d.removeAlias("x@example.org") },
  {
    name: "removing no target",
    code: "not-found",
    run: (d) => d.removeAlias("alias@example.org", ["ann@example.org"]),
  },
  { name: "removing no domain", code: "not-found", run: (d) => d.removeDomain("example.com") },
];

for (const { name, code, run } of refusals) {
  test(`the directory refuses ${name} as "${code}" and stays as it was`, () => {
    using opened = withAnnAndBob();
    const { directory } = opened;
    directory.addAlias("alias@example.org", ["bob@example.org"]);
    const before = [directory.listDomains(), directory.listAccounts({}), directory.listAliases({})];
    assert.throws(() => run(directory), { name: "DirectoryError", code });
    const after = [directory.listDomains(), directory.listAccounts({}), directory.listAliases({})];
    assert.deepEqual(after, before);
  });
}

test("lists come in pages that neither repeat nor skip", () => {
  using opened = openDirectory();
  const { directory } = opened;
  directory.addDomain("b.example");
  directory.addDomain("a.example");
  const names = Array.from({ length: 450 }, (_, i) => `u${i}@${i % 2 ? "a" : "b"}.example`);
  add(directory, ...names);
  const listed: string[] = [];
  for (;;) {
    const last = listed.at(-1);
    const page = directory.listAccounts(last === undefined ? {} : { after: last });
    if (page.length === 0) break;
    listed.push(...page.map(({ address }) => address));
  }
  assert.deepEqual(new Set(listed), new Set(names));
  assert.equal(listed.length, names.length);
  assert.equal(directory.listAccounts({ domain: "a.example" }).length, 225);
});

test("a domain that is an alias has the addresses of the other, for mail, logins and senders", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("info@example.org", ["ann@example.org", "bob@example.org"]);
  assert.equal(goesTo("ann@example.net"), "not-ours");
  assert.deepEqual(directory.addDomainAlias("Example.NET", "example.org"), {
    alias: "example.net",
    domain: "example.org",
  });
  assert.deepEqual(goesTo("ANN+x@example.net"), ["ann@example.org"]);
  assert.deepEqual(goesTo("info@example.net"), ["ann@example.org", "bob@example.org"]);
  assert.equal(goesTo("nobody@example.net"), "unknown-user");
  assert.equal(directory.findLogin("ann@example.net")?.address, "ann@example.org");
  assert.equal(directory.maySendAs("ann@example.org", "ann@example.net"), true);
  assert.equal(directory.maySendAs("ann@example.org", "bob@example.net"), false);
  // An alias may lead through it.
  directory.addAlias("boss@example.org", ["ann@example.net"]);
  assert.deepEqual(goesTo("boss@example.org"), ["ann@example.org"]);

  assert.throws(() => directory.addDomainAlias("example.org", "example.org"), { code: "exists" });
  assert.throws(() => directory.addDomainAlias("example.net", "example.org"), { code: "exists" });
  assert.throws(() => directory.addDomainAlias("example.com", "other.example"), {
    code: "not-found",
  });
  assert.throws(() => directory.addDomain("example.net"), { code: "exists" });
  assert.deepEqual(directory.listDomainAliases(), [
    { alias: "example.net", domain: "example.org" },
  ]);
  directory.removeDomainAlias("example.net");
  assert.equal(goesTo("ann@example.net"), "not-ours");
  assert.throws(() => directory.removeDomainAlias("example.net"), { code: "not-found" });
});

test("abuse is always there, as postmaster is, and may be somebody's own", () => {
  using opened = withAnnAndBob({ postmaster: "bob@example.org" });
  const { directory, goesTo } = opened;
  assert.deepEqual(goesTo("Abuse@example.org"), ["bob@example.org"]);
  directory.addAlias("abuse@example.org", ["ann@example.org"]);
  assert.deepEqual(goesTo("abuse@example.org"), ["ann@example.org"]);
});

test("a catch-all does not catch its exceptions, and subaddresses of them", () => {
  using opened = withAnnAndBob();
  const { directory, goesTo } = opened;
  directory.addAlias("@example.org", ["ann@example.org"]);
  assert.equal(directory.addException("Trap@example.org"), "trap@example.org");
  assert.equal(goesTo("trap@example.org"), "unknown-user");
  assert.equal(goesTo("trap+x@example.org"), "unknown-user");
  assert.deepEqual(goesTo("else@example.org"), ["ann@example.org"]);
  assert.deepEqual(directory.listExceptions("example.org"), ["trap@example.org"]);
  directory.removeException("trap@example.org");
  assert.deepEqual(goesTo("trap@example.org"), ["ann@example.org"]);
  assert.throws(() => directory.removeException("trap@example.org"), { code: "not-found" });
  assert.throws(() => directory.addException("trap@other.example"), { code: "not-found" });
});

test("a sender is rewritten in the domain of the alias, and its address leads back to it", () => {
  const rewriting = new SenderRewriting(Buffer.alloc(32, 1), Date.now);
  using opened = withAnnAndBob({ rewriting });
  const { directory, goesTo } = opened;
  directory.addDomainAlias("example.net", "example.org");
  directory.addAlias("@example.org", ["ann@example.org"]);
  const rewritten = directory.forwardingSender("Sam@shop.example", "away@example.net");
  assert.match(rewritten, /^SRS0=.*=shop\.example=Sam@example\.net$/);
  assert.deepEqual(goesTo(rewritten), ["<Sam@shop.example>"]);
  assert.deepEqual(goesTo(rewritten.replace("Sam", "tom")), ["ann@example.org"]);
  for (const [sender, via] of [
    ["", "away@example.org"],
    ["bob@example.org", "away@example.org"],
    ["bob@example.net", "away@example.org"],
    ["sam@[192.0.2.1]", "away@example.org"],
    ["sam@shop.example", "away@elsewhere.example"],
  ] as const) {
    assert.equal(directory.forwardingSender(sender, via), sender);
  }
});

test("an alias says who may send to it, and whether those behind it send as it", () => {
  using opened = withAnnAndBob();
  const { directory } = opened;
  directory.addAlias("team@example.org", ["ann@example.org", "bob@example.org"]);
  directory.addAlias("all@example.org", ["team@example.org"]);
  const alias = directory.setAliasRights("team@example.org", { acceptsFrom: "members" });
  assert.equal(alias.acceptsFrom, "members");
  const resolved = (address: string) => {
    const resolution = directory.resolveRecipient(address);
    return resolution.kind === "found" ? (resolution.acceptsFrom ?? "anybody") : resolution.kind;
  };
  assert.equal(resolved("team+x@example.org"), "members");
  // What leads to it has a right of its own.
  assert.equal(resolved("all@example.org"), "anybody");
  assert.equal(directory.maySendAs("ann@example.org", "team@example.org"), true);
  const { acceptsFrom, maySendAs } = directory.setAliasRights("team@example.org", {
    maySendAs: false,
  });
  assert.deepEqual([acceptsFrom, maySendAs], ["members", false]);
  assert.equal(directory.maySendAs("ann@example.org", "team@example.org"), false);
  directory.grantSender("ann@example.org", "team@example.org");
  assert.equal(directory.maySendAs("ann@example.org", "team@example.org"), true);
  assert.equal(directory.maySendAs("bob@example.org", "team@example.org"), false);
  directory.addAlias("team@example.org", ["x@elsewhere.example"]);
  assert.deepEqual(directory.listAliases({ domain: "example.org" })[1], {
    address: "team@example.org",
    targets: ["ann@example.org", "bob@example.org", "x@elsewhere.example"],
    acceptsFrom: "members",
    maySendAs: false,
  });
  directory.setAliasRights("team@example.org", { acceptsFrom: "anybody", maySendAs: true });
  assert.equal(resolved("team@example.org"), "anybody");
});

test("postmaster and abuse are there for anybody", () => {
  using opened = withAnnAndBob();
  const { directory } = opened;
  directory.addAlias("abuse@example.org", ["ann@example.org"]);
  assert.throws(() => directory.setAliasRights("abuse@example.org", { acceptsFrom: "people" }), {
    code: "bad-request",
  });
  directory.setAliasRights("abuse@example.org", { maySendAs: false });
});
