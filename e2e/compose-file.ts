import { readFileSync } from "node:fs";

/** One service of docker-compose.yml, as far as the tests need it. */
export interface ComposeService {
  readonly name: string;
  readonly command: readonly string[];
  readonly healthCommand: readonly string[];
  /** `host` or `none`. */
  readonly networkMode: string;
  /** Volume by where it is mounted; what is mounted read-only is left out. */
  readonly volumes: ReadonlyMap<string, string>;
}

/** Reads the one form in which that file is written: docker-compose itself says whether it is YAML. */
export function readServices(path: string): readonly ComposeService[] {
  const [, services = ""] = /^services:\n([\s\S]*?)^\S/m.exec(readFileSync(path, "utf8")) ?? [];
  return services.split(/^(?= {2}[\w-]+:$)/m).flatMap((text) => {
    const [, name] = /^ {2}([\w-]+):$/m.exec(text) ?? [];
    return name === undefined ? [] : [readService(name, text)];
  });
}

function readService(name: string, text: string): ComposeService {
  const list = (key: string) =>
    new RegExp(`^ +${key}: \\[(.*)\\]$`, "m").exec(text)?.[1]?.split(", ") ?? [];
  const [, networkMode = ""] = /^ {4}network_mode: (\w+)$/m.exec(text) ?? [];
  const mounts = [...text.matchAll(/^ {6}- (\w+):(\/[^:\n]+)$/gm)];
  return {
    name,
    command: list("command"),
    healthCommand: list("test").slice(1),
    networkMode,
    volumes: new Map(mounts.map(([, volume = "", at = ""]) => [at, volume])),
  };
}
