import { spawnSync } from "node:child_process";
import { whereIs } from "./program.ts";

const MARK = "POSTHOUSE_PRIVATE_NETWORK";

/**
 * $1 is the addresses, what follows the program. The file for resolv.conf needs no name any more when
 * it is mounted, and the mount ends with the namespace.
 */
const SETTING_UP = `
set -e
ip link set lo up
for address in $1; do ip address add "$address"/32 dev lo; done
file=$(mktemp)
echo "nameserver 127.0.0.1" > "$file"
mount --bind "$file" /etc/resolv.conf
rm "$file"
shift
exec "$@"
`;

/**
 * Begins the calling test file again in a network of its own, with these addresses beside those of
 * loopback and the name server 127.0.0.1, so that real programs meet on their real ports and none of
 * this machine notices. Does nothing in there. Call it before anything else.
 *
 * The process stays the same one (execve), and so does its output; when it ends, however it ends, the
 * kernel takes the namespaces back.
 *
 * @returns why it cannot be done
 */
export function enterPrivateNetwork(
  file: string,
  addresses: readonly string[],
): string | undefined {
  if (process.env[MARK] === file) return undefined;
  if (process.getuid?.() !== 0) return "a network of its own takes root";
  const unshare = whereIs("unshare");
  if (unshare === undefined || process.execve === undefined) {
    return "a network of its own takes unshare and a Node with execve";
  }
  const namespaces = ["--net", "--mount"];
  if (spawnSync(unshare, [...namespaces, "true"]).status !== 0) {
    return "this system gives no network namespace";
  }
  process.execve(
    unshare,
    [
      "unshare",
      ...namespaces,
      "sh",
      "-c",
      SETTING_UP,
      "sh",
      addresses.join(" "),
      process.execPath,
      ...process.execArgv,
      file,
    ],
    { ...process.env, [MARK]: file },
  );
  throw new Error("execve has returned");
}
