import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { authenticate } from "mailauth";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";

/** TXT records by name. */
export type Records = ReadonlyMap<string, string>;

/** What mailauth says of each signature, in the order of the message: "ed25519-sha256 pass". */
export async function mailauthSays(message: Buffer, records: Records): Promise<string[]> {
  const { results } = await dkimVerify(message, {
    resolver: async (name: string) => {
      const text = records.get(name);
      if (text !== undefined) return [[text]];
      throw Object.assign(new Error(`No record ${name}`), { code: "ENOTFOUND" });
    },
  });
  return results.map(({ algo, status }) => `${algo} ${status.result}`);
}

/** What mailauth says of the chain: "pass". */
export async function mailauthSaysOfArc(message: Buffer, records: Records): Promise<string> {
  const { arc } = await authenticate(message, {
    ip: "192.0.2.1",
    helo: "there.example",
    sender: "ann@there.example",
    disableBimi: true,
    resolver: async (name: string) => {
      const text = records.get(name);
      if (text !== undefined) return [[text]];
      throw Object.assign(new Error(`No record ${name}`), { code: "ENOTFOUND" });
    },
  });
  return (arc || undefined)?.status.result ?? "none";
}

const ARC_PROGRAM = `
import base64, dkim, json, sys
records = json.loads(sys.argv[1])
look = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()
print((dkim.arc_verify(base64.b64decode(sys.stdin.read()), dnsfunc=look)[0] or b"ended").decode())
`;

/** What Debian's python3-dkim says of the chain: "pass"; "ended" when somebody has sealed it as failed. */
export function pythonSaysOfArc(message: Buffer, records: Records): string {
  const given = JSON.stringify(Object.fromEntries(records));
  const { stdout, stderr } = spawnSync("/usr/bin/python3", ["-c", ARC_PROGRAM, given], {
    input: message.toString("base64"),
    encoding: "utf8",
  });
  return (stdout + stderr).trim();
}

const ARC_SET_PROGRAM = String.raw`
import base64, dkim, json, re, sys
records = json.loads(sys.argv[1])
own = sys.argv[2].encode()
look = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()
header, body = base64.b64decode(sys.stdin.read()).split(b"\r\n\r\n", 1)
fields = re.split(rb"\r\n(?![ \t])", header)
is_other = lambda field: re.match(rb"(?i)arc-[a-z-]+: i=(?!%s;)" % own, field)
arc = dkim.ARC(b"\r\n".join(field for field in fields if not is_other(field)) + b"\r\n\r\n" + body)
said = arc.verify_instance(arc.sorted_arc_headers()[1], int(own), dnsfunc=look)
print(said["cv"].decode(), said["ams-valid"], said["as-valid"])
`;

/** What it says of one set as if it were the only one: "fail True True" is cv, signature and seal. */
export function pythonSaysOfArcSet(message: Buffer, records: Records, instance: number): string {
  const given = JSON.stringify(Object.fromEntries(records));
  const args = ["-c", ARC_SET_PROGRAM, given, `${instance}`];
  const { stdout, stderr } = spawnSync("/usr/bin/python3", args, {
    input: message.toString("base64"),
    encoding: "utf8",
  });
  return (stdout + stderr).trim();
}

const PROGRAM = `
import base64, dkim, json, sys
records = json.loads(sys.argv[1])
look = lambda name, timeout=5: records.get(name.decode().rstrip("."), "").encode()
for line in sys.stdin:
    message = base64.b64decode(line)
    count = message.split(b"\\r\\n\\r\\n")[0].lower().count(b"dkim-signature:")
    print(" ".join(str(dkim.DKIM(message).verify(idx=n, dnsfunc=look)) for n in range(count)))
`;

export const hasPythonDkim =
  process.env.POSTHOUSE_FOREIGN === "required" ||
  (process.env.POSTHOUSE_FOREIGN !== undefined &&
    spawnSync("/usr/bin/python3", ["-c", "import authres, dkim, nacl"]).status === 0);

/** What Debian's python3-dkim says of each signature of each message: "True True". */
export async function pythonSays(messages: readonly Buffer[], records: Records): Promise<string[]> {
  const given = JSON.stringify(Object.fromEntries(records));
  const python = spawn("/usr/bin/python3", ["-c", PROGRAM, given]);
  const said: Buffer[] = [];
  python.stdout.on("data", (octets: Buffer) => said.push(octets));
  python.stderr.on("data", (octets: Buffer) => said.push(octets));
  python.stdin.end(messages.map((message) => `${message.toString("base64")}\n`).join(""));
  await once(python, "close");
  return Buffer.concat(said).toString().trim().split("\n");
}
