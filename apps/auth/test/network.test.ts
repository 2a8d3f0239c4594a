import assert from "node:assert/strict";
import { test } from "node:test";
import { networkOf } from "../src/network.ts";

const cases: { remoteAddress: string; network: string | undefined }[] = [
  { remoteAddress: "192.0.2.1", network: "192.0.2.1" },
  { remoteAddress: "::ffff:192.0.2.1", network: "192.0.2.1" },
  { remoteAddress: "::FFFF:192.0.2.1", network: "192.0.2.1" },
  { remoteAddress: "127.8.9.1", network: undefined },
  { remoteAddress: "::1", network: undefined },
  { remoteAddress: "::ffff:127.0.0.1", network: undefined },
  { remoteAddress: "2001:DB8:0:01::5", network: "2001:db8:0:1::/64" },
  { remoteAddress: "2001:db8::1:2:3:4:5", network: "2001:db8:0:1::/64" },
  { remoteAddress: "2001:db8::192.0.2.1", network: "2001:db8:0:0::/64" },
  { remoteAddress: "fe80::1%eth0", network: "fe80:0:0:0::/64" },
  { remoteAddress: "2001:0db8:0000:0000:0000:0000:0000:0001", network: "2001:db8:0:0::/64" },
  { remoteAddress: "2001:db8::", network: "2001:db8:0:0::/64" },
  { remoteAddress: "1:2:3:4:5:6:7::", network: "1:2:3:4::/64" },
  { remoteAddress: "nonsense", network: "nonsense" },
  { remoteAddress: "::", network: "0:0:0:0::/64" },
];

for (const { remoteAddress, network } of cases) {
  test(`${remoteAddress} counts as ${network ?? "this host"}`, () => {
    assert.equal(networkOf(remoteAddress), network);
  });
}
