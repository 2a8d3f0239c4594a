import { createSocket } from "node:dgram";
import { once } from "node:events";
import packet, { type Answer } from "dns-packet";

/** Records by name: `["10 mx1.example"]` under mx, addresses under a; "servfail" where nothing is to be had. */
export interface Zone {
  readonly [name: string]:
    | {
        readonly mx?: readonly string[];
        readonly a?: readonly string[];
        readonly aaaa?: readonly string[];
        readonly txt?: readonly string[];
      }
    | "servfail";
}

const SERVFAIL = 2;
const NXDOMAIN = 3;

/** A name server on loopback over UDP that knows one zone. */
export async function nameServer(zone: Zone): Promise<AsyncDisposable & { readonly name: string }> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.on("message", (octets, from) => {
    const query = packet.decode(octets);
    const [question] = query.questions ?? [];
    const known = zone[question?.name.toLowerCase() ?? ""];
    const rcode = known === undefined ? NXDOMAIN : known === "servfail" ? SERVFAIL : 0;
    const answers =
      question === undefined || typeof known !== "object"
        ? []
        : answersOf(question.name, question.type, known);
    const response = packet.encode({
      type: "response",
      id: query.id ?? 0,
      flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | rcode,
      questions: query.questions ?? [],
      answers,
    });
    socket.send(response, from.port, from.address);
  });
  return {
    name: `127.0.0.1:${socket.address().port}`,
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

function answersOf(
  name: string,
  type: string,
  { mx = [], a = [], aaaa = [], txt = [] }: Exclude<Zone[string], "servfail">,
): Answer[] {
  switch (type) {
    case "MX":
      return mx.map((text) => {
        const [preference, exchange = ""] = text.split(" ");
        return { type: "MX", name, ttl: 60, data: { preference: Number(preference), exchange } };
      });
    case "A":
      return a.map((data) => ({ type: "A", name, ttl: 60, data }));
    case "AAAA":
      return aaaa.map((data) => ({ type: "AAAA", name, ttl: 60, data }));
    case "TXT":
      return txt.map((data) => ({
        type: "TXT",
        name,
        ttl: 60,
        data: data.match(/.{1,255}/gu) ?? [],
      }));
    default:
      return [];
  }
}
