import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressRanges, ConfigError, configFromToml } from "@posthouse/service";

test("a range is an address or a network, and holds IPv4 also as it comes over IPv6", () => {
  const ranges = new AddressRanges(["192.0.2.7", "198.51.100.0/24", "2001:db8::/32"]);
  for (const address of [
    "192.0.2.7",
    "::ffff:192.0.2.7",
    "198.51.100.200",
    "2001:db8:1::5",
    "2001:db8::1%eth0",
  ]) {
    assert.equal(ranges.includes(address), true, address);
  }
  for (const address of ["192.0.2.8", "198.51.101.1", "2001:db9::1", "", "mail.example.org"]) {
    assert.equal(ranges.includes(address), false, address);
  }
  assert.equal(new AddressRanges([]).isEmpty, true);
});

for (const text of [
  "192.0.2.0/33",
  "192.0.2",
  "2001:db8::/129",
  "example.org",
  "192.0.2.0/24/8",
  "",
]) {
  test(`the configuration refuses "${text}" as a network, and says what it should be`, () => {
    assert.throws(
      () =>
        configFromToml(
          `[smtp_in]\nlisteners = [{ kind = "mx", port = 25, relay_networks = [{ networks = ["${text}"], senders = ["@x"] }] }]`,
          "x.toml",
        ),
      (error) => error instanceof ConfigError && error.message.includes("such as 192.0.2.0/24"),
    );
  });
}
