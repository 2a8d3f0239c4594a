import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import packet, { type Answer, type Packet } from "dns-packet";

/** One question as it came, and over which transport. */
export interface Asked {
  readonly query: Packet;
  readonly name: string;
  readonly type: string;
  readonly transport: "udp" | "tcp";
}

/** What goes back: a message, the very octets, several of them, or nothing. */
export type Response = Packet | Buffer | readonly (Packet | Buffer)[] | undefined;

export interface AnsweringServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly name: string;
  readonly asked: readonly Asked[];
}

/** A name server on loopback, UDP and TCP on one port, that answers by a function. */
export async function answeringServer(
  respond: (asked: Asked) => Response | Promise<Response>,
): Promise<AnsweringServer> {
  const asked: Asked[] = [];
  const answer = async (octets: Buffer, transport: "udp" | "tcp"): Promise<Buffer[]> => {
    const query = packet.decode(octets);
    const [question] = query.questions ?? [];
    const one = { query, name: question?.name ?? "", type: question?.type ?? "", transport };
    asked.push(one);
    return octetsOf(await respond(one));
  };
  const { udp, tcp } = await bindBoth();
  udp.on("message", (octets, from) => {
    void answer(octets, "udp").then((all) => {
      for (const one of all) udp.send(one, from.port, from.address);
    });
  });
  tcp.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (octets: Buffer) => {
      void answer(octets.subarray(2), "tcp").then((all) => {
        for (const one of all) socket.write(Buffer.concat([lengthOf(one), one]));
        if (all.length === 0) socket.end();
      });
    });
  });
  return {
    name: `127.0.0.1:${udp.address().port}`,
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
    },
  };
}

/** A response to a question, with what a test wants different. */
export function reply({ query }: Asked, answers: Answer[], more: Partial<Packet> = {}): Packet {
  return {
    type: "response",
    id: query.id ?? 0,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: query.questions ?? [],
    answers,
    ...more,
  };
}

/** RCODE as part of the flags: dns-packet writes it from there. */
export const rcode = { formErr: 1, servFail: 2, nxDomain: 3, refused: 5 } as const;

export const soa = (ttl: number, minimum: number): Answer => ({
  type: "SOA",
  name: "example.org",
  ttl,
  data: {
    mname: "ns.example.org",
    rname: "hostmaster.example.org",
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum,
  },
});

function octetsOf(response: Response): Buffer[] {
  if (response === undefined) return [];
  const all = Array.isArray(response) ? response : [response];
  return all.map((one: Packet | Buffer) => (Buffer.isBuffer(one) ? one : packet.encode(one)));
}

function lengthOf(octets: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(octets.length);
  return length;
}

/** The port that UDP got may be taken in TCP: then another is tried. */
async function bindBoth() {
  for (;;) {
    const udp = createSocket("udp4").bind(0, "127.0.0.1");
    await once(udp, "listening");
    const tcp = createServer().listen(udp.address().port, "127.0.0.1");
    const isBound = await once(tcp, "listening").then(
      () => true,
      () => false,
    );
    if (isBound) return { udp, tcp };
    udp.close();
  }
}
