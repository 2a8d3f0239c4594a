import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every name of a metric in the dashboard of deploy/, with the panel that asks for it. */
export async function namesInDashboard(): Promise<ReadonlyMap<string, string>> {
  const path = join(import.meta.dirname, "..", "deploy", "grafana", "posthouse.json");
  const { panels } = JSON.parse(await readFile(path, "utf8")) as { panels: readonly Panel[] };
  const names = new Map<string, string>();
  for (const { title, targets = [] } of panels) {
    for (const { expr } of targets) {
      const found = expr.match(/\b(?:posthouse|process|nodejs)_[a-z0-9_]+/g) ?? [];
      if (found.length === 0) throw new Error(`"${title}" asks for no metric: ${expr}`);
      for (const name of found) names.set(name, title);
    }
  }
  return names;
}

/** What each server of a data directory says it measures. */
export async function namesMeasured(
  directory: string,
  apps: readonly string[],
): Promise<ReadonlySet<string>> {
  const texts = await Promise.all(
    apps.map((app) => metricsAt(join(directory, "run", `${app}.status.sock`))),
  );
  return new Set(
    texts.flatMap((one) => [...one.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name)),
  );
}

function metricsAt(socketPath: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request({ socketPath, path: "/metrics" }, (incoming) => void text(incoming).then(resolve, reject))
    .on("error", reject)
    .end();
  return promise;
}
