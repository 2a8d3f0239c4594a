import { type AppName, appNames, statusSocketPath } from "@posthouse/service";
import { askSocket } from "../socket-request.ts";
import type { Finding } from "./finding.ts";

const ANSWER_MS_MAX = 5000;

/** What a server says is wrong though it serves; undefined when it does not answer. */
export async function problemsOf(
  runDir: string,
  app: AppName,
): Promise<readonly string[] | undefined> {
  try {
    const { status, body } = await askSocket({
      socketPath: statusSocketPath(runDir, app),
      path: "/health",
      timeoutMs: ANSWER_MS_MAX,
    });
    if (status !== 200) return undefined;
    const { problems = [] } = JSON.parse(body) as { problems?: readonly string[] };
    return problems;
  } catch {
    return undefined;
  }
}

export async function appFindings(
  runDir: string,
  { isSystem }: { readonly isSystem: boolean },
): Promise<readonly Finding[]> {
  const all = await Promise.all(
    appNames.map(async (app) => ({ app, problems: await problemsOf(runDir, app) })),
  );
  const silent = all.filter(({ problems }) => problems === undefined).map(({ app }) => app);
  const findings = all.flatMap(({ app, problems = [] }): Finding[] =>
    problems.map((says) => ({ id: `app ${app}`, state: "warning", says: `${app}: ${says}` })),
  );
  if (silent.length === 0) {
    return [{ id: "apps", state: "good", says: "Every server serves" }, ...findings];
  }
  const units = silent.map((app) => `posthouse-${app}`).join(" ");
  return [
    {
      id: "apps",
      state: "bad",
      says: `${silent.join(", ")} ${silent.length === 1 ? "does" : "do"} not answer`,
      fix: isSystem
        ? `systemctl start posthouse.target; systemctl status ${units} says why not`
        : "posthouse up starts them and says what is in the way; posthouse local, where it is only for trying",
    },
    ...findings,
  ];
}
