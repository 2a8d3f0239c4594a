import assert from "node:assert/strict";
import { test } from "node:test";
import { openDirectory } from "./temporary-directory.ts";

const NEWS = "news@example.org";

function withNews() {
  const opened = openDirectory();
  const { directory } = opened;
  directory.addDomain("example.org");
  for (const [at, name] of ["ann", "bob", "eve"].entries()) {
    directory.addAccount(`${name}${"0".repeat(12)}${at}`.slice(0, 16), `${name}@example.org`);
  }
  directory.lists.add(NEWS, {
    owners: ["ann@example.org"],
    members: ["bob@example.org", "Cleo@elsewhere.example"],
    name: "News of ours",
  });
  return opened;
}

test("a list leads to its members and says what its rules are", () => {
  using opened = withNews();
  const { directory, goesTo } = opened;
  directory.lists.changePeople(NEWS, { role: "poster", add: ["eve@example.org"] });
  assert.deepEqual(directory.resolveRecipient("News@example.org"), {
    kind: "found",
    targets: [
      { address: "bob@example.org", isLocal: true, list: NEWS },
      { address: "Cleo@elsewhere.example", isLocal: false, list: NEWS },
    ],
    lists: [
      { address: NEWS, name: "News of ours", posts: "members", posters: ["eve@example.org"] },
    ],
  });
  assert.deepEqual(goesTo("news+spring@example.org"), [
    "bob@example.org",
    "<Cleo@elsewhere.example>",
  ]);
});

test("who looks after a list has names beside it, where nobody else is called so", () => {
  using opened = withNews();
  const { directory, goesTo } = opened;
  for (const name of ["owner", "request", "bounces", "unsubscribe"]) {
    assert.deepEqual(goesTo(`news-${name}@example.org`), ["ann@example.org"], name);
  }
  assert.equal(goesTo("other-owner@example.org"), "unknown-user");
  directory.addAlias("news-request@example.org", ["bob@example.org"]);
  assert.deepEqual(goesTo("news-request@example.org"), ["bob@example.org"]);
  // With the owner gone postmaster looks after it: the oldest account that is left.
  directory.removeAccount("ann@example.org");
  assert.deepEqual(goesTo("news-owner@example.org"), ["bob@example.org"]);
});

test("people of a list are on it by their new address when their account or domain is renamed", () => {
  using opened = withNews();
  const { directory, goesTo } = opened;
  directory.lists.changePeople(NEWS, { role: "poster", add: ["ann@example.org"] });
  directory.beginRename("ann@example.org", "anne@example.org");
  directory.finishRename("ann@example.org", { keepsAlias: false });
  const renamed = directory.lists.find(NEWS);
  assert.deepEqual(renamed.owners, ["anne@example.org"]);
  assert.deepEqual(renamed.posters, ["anne@example.org"]);
  assert.deepEqual(goesTo("news-owner@example.org"), ["anne@example.org"]);
  directory.beginDomainRename("example.org", "example.net");
  directory.finishDomainRename("example.org", "example.net", { keepsAlias: false });
  const moved = directory.lists.find("news@example.net");
  assert.deepEqual(moved.owners, ["anne@example.net"]);
  assert.deepEqual(moved.posters, ["anne@example.net"]);
  assert.deepEqual(moved.members, ["bob@example.net", "Cleo@elsewhere.example"]);
  assert.deepEqual(goesTo("news-bounces@example.net"), ["anne@example.net"]);
});

test("an alias may lead to a list; who is reached directly needs no list, and a list in a list none of its own", () => {
  using opened = withNews();
  const { directory } = opened;
  directory.addAlias("all@example.org", ["bob@example.org", NEWS]);
  const all = directory.resolveRecipient("all@example.org");
  assert.ok(all.kind === "found");
  assert.deepEqual(
    all.targets.map(({ address, list }) => `${address} ${list ?? "direct"}`),
    ["bob@example.org direct", `Cleo@elsewhere.example ${NEWS}`],
  );
  directory.lists.add("club@example.org", { owners: ["ann@example.org"], members: [NEWS] });
  const club = directory.resolveRecipient("club@example.org");
  assert.ok(club.kind === "found");
  assert.deepEqual([...new Set(club.targets.map(({ list }) => list))], ["club@example.org"]);
  assert.deepEqual(
    club.lists?.map(({ address }) => address),
    ["club@example.org"],
  );
  assert.throws(
    () => directory.lists.changePeople(NEWS, { role: "member", add: ["club@example.org"] }),
    { code: "loop" },
  );
});

test("a list is no alias: nobody logs in by it, sends as it, or changes it as one", () => {
  using opened = withNews();
  const { directory } = opened;
  directory.lists.changePeople(NEWS, { role: "member", remove: ["Cleo@elsewhere.example"] });
  assert.equal(directory.findLogin(NEWS), undefined);
  assert.equal(directory.maySendAs("bob@example.org", NEWS), false);
  assert.equal(directory.maySendAs("ann@example.org", "news-owner@example.org"), false);
  assert.deepEqual(directory.listAliases({}), []);
  assert.deepEqual(directory.listLists({}), [NEWS]);
  assert.throws(() => directory.removeAlias(NEWS), { code: "not-found" });
  assert.throws(() => directory.addAlias(NEWS, ["eve@example.org"]), { code: "exists" });
  assert.throws(() => directory.assertFree(NEWS), { code: "exists" });
});

test("a list stays without members, and never without an owner", () => {
  using opened = withNews();
  const { directory, goesTo } = opened;
  const remove = ["bob@example.org", "Cleo@elsewhere.example"];
  const { members } = directory.lists.changePeople(NEWS, { role: "member", remove });
  assert.deepEqual(members, []);
  assert.equal(goesTo(NEWS), "unknown-user");
  directory.removeAccount("eve@example.org");
  assert.deepEqual(directory.lists.find(NEWS).owners, ["ann@example.org"]);
  assert.throws(
    () => directory.lists.changePeople(NEWS, { role: "owner", remove: ["ann@example.org"] }),
    { code: "bad-request", message: /needs an owner/ },
  );
  directory.lists.remove(NEWS);
  assert.deepEqual(directory.listLists({}), []);
});

test("what cannot be a list or on one is said", () => {
  using opened = withNews();
  const { lists } = opened.directory;
  const owners = ["ann@example.org"];
  const cases: readonly [
    address: string,
    request: Parameters<typeof lists.add>[1],
    code: string,
  ][] = [
    [NEWS, { owners }, "exists"],
    ["ann@example.org", { owners }, "exists"],
    ["abuse@example.org", { owners }, "bad-address"],
    ["straße@example.org", { owners }, "bad-address"],
    ["a@elsewhere.example", { owners }, "not-found"],
    ["new@example.org", { owners: [] }, "bad-request"],
    ["new@example.org", { owners, members: ["nobody@example.org"] }, "not-found"],
    ["new@example.org", { owners, name: "two\r\nlines" }, "bad-request"],
  ];
  for (const [address, request, code] of cases) {
    assert.throws(() => lists.add(address, request), { code }, address);
  }
  assert.throws(() => lists.find("new@example.org"), { code: "not-found" });
  const many = Array.from({ length: 1001 }, (_, at) => `m${at}@elsewhere.example`);
  assert.throws(() => lists.changePeople(NEWS, { role: "member", add: many }), { code: "limit" });
});
