import assert from "node:assert/strict";
import { test } from "node:test";
import { createResolver, DnsError, type Resolver, type ResolverOptions } from "@posthouse/dns";
import packet, { type Answer } from "dns-packet";
import {
  type AnsweringServer,
  type Asked,
  answeringServer,
  type Response,
  rcode,
  reply,
  soa,
} from "./answering-server.ts";

const a = (name: string, data: string, ttl = 300): Answer => ({ type: "A", name, ttl, data });
const cname = (name: string, data: string, ttl = 300): Answer => ({
  type: "CNAME",
  name,
  ttl,
  data,
});

async function withServer(
  respond: (asked: Asked) => Response | Promise<Response>,
  run: (resolver: Resolver, server: AnsweringServer) => Promise<void>,
  options: ResolverOptions = {},
): Promise<void> {
  await using server = await answeringServer(respond);
  const resolver = createResolver({ servers: [server.name], timeoutMs: 1000, ...options });
  try {
    await run(resolver, server);
  } finally {
    resolver.close();
  }
}

const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof DnsError, String(error));
  assert.equal(error.code, code);
  return true;
};

test("mx() gives preference and exchange, and the smallest TTL", async () => {
  const answers: Answer[] = [
    {
      type: "MX",
      name: "Example.ORG",
      ttl: 600,
      data: { preference: 10, exchange: "MX1.example.org" },
    },
    {
      type: "MX",
      name: "example.org",
      ttl: 60,
      data: { preference: 5, exchange: "mx2.example.org" },
    },
  ];
  await withServer(
    (asked) => reply(asked, answers),
    async (resolver) => {
      assert.deepEqual(await resolver.mx("example.org."), {
        records: [
          { preference: 10, exchange: "mx1.example.org" },
          { preference: 5, exchange: "mx2.example.org" },
        ],
        isAuthenticated: false,
        ttlSeconds: 60,
        canonicalName: "example.org",
      });
    },
  );
});

test("the null MX of RFC 7505 has an empty exchange", async () => {
  await withServer(
    (asked) =>
      reply(asked, [
        { type: "MX", name: asked.name, ttl: 60, data: { preference: 0, exchange: "." } },
      ]),
    async (resolver) => {
      const { records } = await resolver.mx("nomail.example");
      assert.deepEqual(records, [{ preference: 0, exchange: "" }]);
    },
  );
});

test("txt(), tlsa() and ptr() read their records", async () => {
  const certificate = Buffer.from("00ff", "hex");
  const answersOf: Record<string, Answer> = {
    TXT: { type: "TXT", name: "x.example", ttl: 1, data: ["v=spf1 ", "-all"] },
    TLSA: {
      type: "TLSA",
      name: "_25._tcp.x.example",
      ttl: 1,
      data: { usage: 3, selector: 1, matchingType: 1, certificate },
    },
    PTR: { type: "PTR", name: "1.2.0.192.in-addr.arpa", ttl: 1, data: "Mail.x.example" },
  };
  await withServer(
    (asked) => reply(asked, [answersOf[asked.type] as Answer]),
    async (resolver, server) => {
      assert.deepEqual((await resolver.txt("x.example")).records, ["v=spf1 -all"]);
      assert.deepEqual((await resolver.tlsa("_25._tcp.x.example")).records, [
        { usage: 3, selector: 1, matchingType: 1, certificate },
      ]);
      assert.deepEqual((await resolver.ptr("192.0.2.1")).records, ["mail.x.example"]);
      assert.equal(server.asked.at(-1)?.name, "1.2.0.192.in-addr.arpa");
    },
  );
});

test("ptr() asks for all 32 nibbles of an IPv6 address, and knows a mapped IPv4 address", async () => {
  await withServer(
    (asked) => reply(asked, [{ type: "PTR", name: asked.name, ttl: 1, data: "m.example" }]),
    async (resolver, server) => {
      await resolver.ptr("2001:db8::567:89ab");
      await resolver.ptr("::ffff:192.0.2.7");
      assert.deepEqual(
        server.asked.map(({ name }) => name),
        [
          // RFC 3596 §2.5
          "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
          "7.2.0.192.in-addr.arpa",
        ],
      );
      await assert.rejects(resolver.ptr("not-an-address"), failsWith("not-found"));
    },
  );
});

test("addresses() joins A and AAAA, and one family without records is no failure", async () => {
  await withServer(
    (asked) =>
      asked.type === "A"
        ? reply(asked, [a(asked.name, "192.0.2.1")])
        : reply(asked, [], { authorities: [soa(60, 60)] }),
    async (resolver) => {
      const { records } = await resolver.addresses("m.example");
      assert.deepEqual(records, [{ address: "192.0.2.1", family: 4 }]);
      await assert.rejects(resolver.addresses("m.example", 6), failsWith("no-data"));
    },
  );
});

test("addresses() fails for now, and not for good, when one family gave no answer", async () => {
  await withServer(
    (asked) =>
      asked.type === "A"
        ? reply(asked, [], { authorities: [soa(60, 60)] })
        : reply(asked, [], { flags: rcode.servFail }),
    async (resolver) => {
      await assert.rejects(resolver.addresses("m.example"), failsWith("server-failure"));
    },
  );
});

test("a query asks for recursion and for AD, and offers 1232 octets", async () => {
  await withServer(
    (asked) => reply(asked, [a(asked.name, "192.0.2.1")]),
    async (resolver, server) => {
      await resolver.addresses("m.example", 4);
      const { query } = server.asked[0] as Asked;
      assert.equal((query.flags ?? 0) & packet.AUTHENTIC_DATA, packet.AUTHENTIC_DATA);
      assert.equal((query.flags ?? 0) & packet.RECURSION_DESIRED, packet.RECURSION_DESIRED);
      const [opt] = query.additionals ?? [];
      assert.ok(opt?.type === "OPT");
      assert.equal(opt.udpPayloadSize, 1232);
    },
  );
});

test("the AD bit of a server on loopback counts", async () => {
  await withServer(
    (asked) => reply(asked, [a(asked.name, "192.0.2.1")], { flags: packet.AUTHENTIC_DATA }),
    async (resolver) => {
      assert.equal((await resolver.addresses("m.example", 4)).isAuthenticated, true);
    },
  );
});

test("a name is asked for by its A-labels", async () => {
  await withServer(
    (asked) => reply(asked, [a(asked.name, "192.0.2.1")]),
    async (resolver, server) => {
      await resolver.addresses("Bücher.example", 4);
      assert.equal(server.asked[0]?.name, "xn--bcher-kva.example");
    },
  );
});

for (const name of [
  "",
  ".",
  "a..b",
  `${"a".repeat(64)}.example`,
  "-a.example",
  "a b.example",
  "a\0b",
  "x.".repeat(130),
]) {
  test(`the name ${JSON.stringify(name.slice(0, 20))} is not found, and nobody is asked`, async () => {
    await withServer(
      () => undefined,
      async (resolver, server) => {
        await assert.rejects(resolver.mx(name), failsWith("not-found"));
        assert.equal(server.asked.length, 0);
      },
    );
  });
}

test("NXDOMAIN is not-found, NOERROR without records is no-data, SERVFAIL is server-failure", async () => {
  const flagsOf: Record<string, number> = {
    "nx.example": rcode.nxDomain,
    "empty.example": 0,
    "fail.example": rcode.servFail,
    "refused.example": rcode.refused,
  };
  await withServer(
    (asked) => reply(asked, [], { flags: flagsOf[asked.name] ?? 0 }),
    async (resolver) => {
      await assert.rejects(resolver.mx("nx.example"), failsWith("not-found"));
      await assert.rejects(resolver.mx("empty.example"), failsWith("no-data"));
      await assert.rejects(resolver.mx("fail.example"), failsWith("server-failure"));
      await assert.rejects(resolver.mx("refused.example"), failsWith("server-failure"));
    },
  );
});

test("an answer is cached until its TTL ends, and tells what is left of it", async () => {
  let nowMs = 0;
  await withServer(
    (asked) => reply(asked, [a(asked.name, "192.0.2.1", 10)]),
    async (resolver, server) => {
      await resolver.addresses("m.example", 4);
      nowMs = 4000;
      assert.equal((await resolver.addresses("M.EXAMPLE", 4)).ttlSeconds, 6);
      assert.equal(server.asked.length, 1);
      nowMs = 10_000;
      await resolver.addresses("m.example", 4);
      assert.equal(server.asked.length, 2);
    },
    { now: () => nowMs },
  );
});

test("a negative answer is cached for the smaller of SOA TTL and MINIMUM, and not without SOA", async () => {
  let nowMs = 0;
  await withServer(
    (asked) =>
      reply(asked, [], {
        flags: rcode.nxDomain,
        authorities: asked.name === "soa.example" ? [soa(20, 5)] : [],
      }),
    async (resolver, server) => {
      const times = async (name: string): Promise<number> => {
        await assert.rejects(resolver.mx(name), failsWith("not-found"));
        return server.asked.length;
      };
      assert.deepEqual([await times("soa.example"), await times("soa.example")], [1, 1]);
      nowMs = 5000;
      assert.equal(await times("soa.example"), 2);
      assert.deepEqual([await times("none.example"), await times("none.example")], [3, 4]);
    },
    { now: () => nowMs },
  );
});

test("the cache holds no more than cacheEntriesMax, and drops what was unused for longest", async () => {
  await withServer(
    (asked) => reply(asked, [a(asked.name, "192.0.2.1")]),
    async (resolver, server) => {
      for (const name of [
        "a.example",
        "b.example",
        "a.example",
        "c.example",
        "a.example",
        "b.example",
      ]) {
        await resolver.addresses(name, 4);
      }
      assert.deepEqual(
        server.asked.map(({ name }) => name),
        ["a.example", "b.example", "c.example", "b.example"],
      );
    },
    { cacheEntriesMax: 2 },
  );
});

test("the same question twice at once is asked once", async () => {
  await withServer(
    (asked) => reply(asked, [a(asked.name, "192.0.2.1")]),
    async (resolver, server) => {
      await Promise.all([resolver.addresses("m.example", 4), resolver.addresses("m.example", 4)]);
      assert.equal(server.asked.length, 1);
    },
  );
});

test("the next server is asked when one fails", async () => {
  await using failing = await answeringServer((asked) =>
    reply(asked, [], { flags: rcode.servFail }),
  );
  await using working = await answeringServer((asked) =>
    reply(asked, [a(asked.name, "192.0.2.1")]),
  );
  const resolver = createResolver({ servers: [failing.name, working.name] });
  assert.equal((await resolver.addresses("m.example", 4)).records.length, 1);
  resolver.close();
});

test("a server that never answers is asked twice, and then it is a timeout", async () => {
  await withServer(
    () => undefined,
    async (resolver, server) => {
      await assert.rejects(resolver.mx("m.example"), failsWith("timeout"));
      assert.equal(server.asked.length, 2);
    },
    { timeoutMs: 30 },
  );
});

test("a port where nobody listens is a timeout at once", async () => {
  const server = await answeringServer(() => undefined);
  await server[Symbol.asyncDispose]();
  const resolver = createResolver({ servers: [server.name], timeoutMs: 60_000 });
  await assert.rejects(resolver.mx("m.example"), failsWith("timeout"));
  resolver.close();
});

test("close() ends the questions under way", async () => {
  await using server = await answeringServer(() => {
    resolver.close();
    return undefined;
  });
  const resolver = createResolver({ servers: [server.name], timeoutMs: 60_000 });
  await assert.rejects(resolver.mx("m.example"), failsWith("timeout"));
});

test("a truncated answer is asked for again over TCP", async () => {
  const many = Array.from({ length: 200 }, (_, index) => a("m.example", `192.0.2.${index}`));
  await withServer(
    (asked) =>
      asked.transport === "tcp"
        ? reply(asked, many)
        : reply(asked, [], { flags: packet.TRUNCATED_RESPONSE }),
    async (resolver) => {
      assert.equal((await resolver.addresses("m.example", 4)).records.length, 200);
    },
  );
});

test("a server that hangs up on TCP is a bad response", async () => {
  await withServer(
    (asked) =>
      asked.transport === "tcp"
        ? undefined
        : reply(asked, [], { flags: packet.TRUNCATED_RESPONSE }),
    async (resolver) => {
      await assert.rejects(resolver.addresses("m.example", 4), failsWith("bad-response"));
    },
  );
});

test("a server from before EDNS is asked again without it", async () => {
  await withServer(
    (asked) =>
      (asked.query.additionals ?? []).length > 0
        ? reply(asked, [], { flags: rcode.formErr, questions: [] })
        : reply(asked, [a(asked.name, "192.0.2.1")]),
    async (resolver) => {
      assert.equal((await resolver.addresses("m.example", 4)).records.length, 1);
    },
  );
});

const forgeries: { name: string; forge: (asked: Asked) => Response }[] = [
  {
    name: "another id",
    forge: (asked) =>
      reply(asked, [a(asked.name, "203.0.113.66")], { id: ((asked.query.id ?? 0) + 1) & 0xffff }),
  },
  {
    name: "another question",
    forge: (asked) =>
      reply(asked, [a("other.example", "203.0.113.66")], {
        questions: [{ type: "A", name: "other.example" }],
      }),
  },
  {
    name: "another type",
    forge: (asked) =>
      reply(asked, [a(asked.name, "203.0.113.66")], {
        questions: [{ type: "AAAA", name: asked.name }],
      }),
  },
  {
    name: "a query",
    forge: (asked) => reply(asked, [a(asked.name, "203.0.113.66")], { type: "query" }),
  },
  {
    name: "garbage",
    forge: () => Buffer.from("this is not a DNS message at all, not even nearly"),
  },
  { name: "nothing", forge: () => Buffer.alloc(0) },
  {
    name: "half a message",
    forge: (asked) => packet.encode(reply(asked, [a(asked.name, "203.0.113.66")])).subarray(0, -3),
  },
  {
    name: "a name that points to itself",
    forge: ({ query }) =>
      Buffer.concat([
        Buffer.from([
          (query.id ?? 0) >> 8,
          (query.id ?? 0) & 0xff,
          0x81,
          0x80,
          0,
          1,
          0,
          0,
          0,
          0,
          0,
          0,
          0xc0,
          0x0c,
        ]),
        Buffer.from([0, 1, 0, 1]),
      ]),
  },
];
for (const { name, forge } of forgeries) {
  test(`a packet with ${name} is passed over, and the true answer behind it is taken`, async () => {
    await withServer(
      (asked) => [forge(asked) as Buffer, reply(asked, [a(asked.name, "192.0.2.1")])],
      async (resolver) => {
        const { records } = await resolver.addresses("m.example", 4);
        assert.deepEqual(records, [{ address: "192.0.2.1", family: 4 }]);
      },
    );
  });
}

test("a flood of packets that are no answer ends as a bad response", async () => {
  await withServer(
    () => Array.from({ length: 80 }, () => Buffer.from("no")),
    async (resolver) => {
      await assert.rejects(resolver.mx("m.example"), failsWith("bad-response"));
    },
    { timeoutMs: 60_000 },
  );
});

test("records of another name in the answer are not taken", async () => {
  await withServer(
    (asked) => reply(asked, [a("other.example", "203.0.113.66"), a(asked.name, "192.0.2.1")]),
    async (resolver) => {
      const { records } = await resolver.addresses("m.example", 4);
      assert.deepEqual(records, [{ address: "192.0.2.1", family: 4 }]);
    },
  );
});

test("a CNAME chain is followed inside the answer, in any order", async () => {
  await withServer(
    (asked) =>
      reply(asked, [
        a("c.example", "192.0.2.1", 50),
        cname("B.example", "c.example", 40),
        cname("a.example", "b.example", 30),
      ]),
    async (resolver, server) => {
      const answer = await resolver.addresses("a.example", 4);
      assert.equal(answer.canonicalName, "c.example");
      assert.equal(answer.ttlSeconds, 30);
      assert.equal(server.asked.length, 1);
    },
  );
});

test("a CNAME without its target is followed with another question", async () => {
  await withServer(
    (asked) =>
      asked.name === "a.example"
        ? reply(asked, [cname("a.example", "b.example")])
        : reply(asked, [a("b.example", "192.0.2.1")]),
    async (resolver) => {
      const answer = await resolver.addresses("a.example", 4);
      assert.equal(answer.canonicalName, "b.example");
    },
  );
});

test("a CNAME to a name without the type is no-data, and one to no name is not-found", async () => {
  await withServer(
    (asked) =>
      reply(asked, [cname(asked.name, "b.example")], {
        flags: asked.name === "gone.example" ? rcode.nxDomain : 0,
        authorities: [soa(60, 60)],
      }),
    async (resolver) => {
      await assert.rejects(resolver.mx("a.example"), failsWith("no-data"));
      await assert.rejects(resolver.mx("gone.example"), failsWith("not-found"));
      // From the cache too: gone.example itself is there.
      await assert.rejects(resolver.mx("gone.example"), { canonicalName: "b.example" });
    },
  );
});

test("CNAMEs that loop, in one answer or over several, are a bad response", async () => {
  await withServer(
    (asked) =>
      asked.name.startsWith("far")
        ? reply(asked, [
            cname(asked.name, asked.name === "far1.example" ? "far2.example" : "far1.example"),
          ])
        : reply(asked, [cname("a.example", "b.example"), cname("b.example", "a.example")]),
    async (resolver, server) => {
      await assert.rejects(resolver.mx("a.example"), failsWith("bad-response"));
      await assert.rejects(resolver.mx("far1.example"), failsWith("bad-response"));
      assert.ok(server.asked.length < 12);
    },
  );
});

test("an answer of 60,000 octets over TCP is read, and is not kept in the cache", async () => {
  const giant: Answer[] = Array.from({ length: 230 }, () => ({
    type: "TXT",
    name: "t.example",
    ttl: 300,
    data: ["x".repeat(250)],
  }));
  await withServer(
    (asked) =>
      asked.transport === "tcp"
        ? reply(asked, giant)
        : reply(asked, [], { flags: packet.TRUNCATED_RESPONSE }),
    async (resolver, server) => {
      assert.equal((await resolver.txt("t.example")).records.length, 230);
      await resolver.txt("t.example");
      assert.equal(server.asked.length, 4);
    },
  );
});

test("with random case, an answer in another case is not believed", async () => {
  await withServer(
    (asked) =>
      reply(asked, [a(asked.name, "203.0.113.66")], {
        questions: [{ type: "A", name: asked.name.toLowerCase() }],
      }),
    async (resolver, server) => {
      await assert.rejects(
        resolver.addresses("a-rather-long-name-of-a-host.example", 4),
        failsWith("bad-response"),
      );
      assert.notEqual(server.asked[0]?.name, server.asked[0]?.name.toLowerCase());
    },
    { isCaseRandomized: true, timeoutMs: 30 },
  );
});

test("a failure is remembered for a few seconds, so that a dead server is not asked for each message", async () => {
  let nowMs = 0;
  await withServer(
    (asked) => reply(asked, [], { flags: rcode.servFail }),
    async (resolver, server) => {
      await assert.rejects(resolver.mx("m.example"), failsWith("server-failure"));
      await assert.rejects(resolver.mx("m.example"), failsWith("server-failure"));
      assert.equal(server.asked.length, 1);
      nowMs = 5000;
      await assert.rejects(resolver.mx("m.example"), failsWith("server-failure"));
      assert.equal(server.asked.length, 2);
    },
    { now: () => nowMs },
  );
});
