import { connectAuth } from "@posthouse/accounts";
import {
  type DkimAlgorithm,
  type DkimKey,
  DkimKeyStore,
  dkimAlgorithms,
  dnsRecordOf,
  recordNeededUntilMs,
  zoneLineOf,
} from "@posthouse/dkim";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { asking, type Typed } from "../asking.ts";
import { becomeOwnerOf } from "../become-owner.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

/** `posthouse dkim`: the keys that mail of our domains is signed with. */
export function dkimCommand(): Command {
  const dkim = new Command("dkim").description("keys that sign the mail of your domains");
  for (const command of [
    listCommand(),
    addCommand(),
    rotateCommand(),
    showCommand(),
    retireCommand(),
    removeCommand(),
  ]) {
    dkim.addCommand(command);
  }
  return dkim;
}

interface ListOptions extends SourceOptions {
  readonly json?: boolean;
}

const listCommand = () =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("list")
          .description("list the keys, and what each is doing")
          .argument("[domain]"),
      ),
    ).action(async (domain: string | undefined, options: ListOptions) => {
      const keys = await storeOf(options).list();
      const rows = keys
        .filter((key) => domain === undefined || key.domain === domain)
        .map((key) => ({
          domain: key.domain,
          selector: key.selector,
          algorithm: key.algorithm,
          state: key.state,
          created: dayOf(key.createdAtMs),
          meaning: meaningOf(key, Date.now()),
        }));
      printRows(rows, {
        ...options,
        columns: {
          domain: "Domain",
          selector: "Selector",
          algorithm: "Algorithm",
          created: "Made",
          meaning: "State",
        },
        whenEmpty: "There is no key: posthouse dkim add <domain>",
      });
    }),
    ["dkim list", "dkim list example.org --json"],
  );

const addCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("add")
        .description("make keys for a domain, and say what to put into its DNS")
        .argument("<domain>")
        .option("--selector <name>", "the name of the key in the DNS; made of the month by default")
        .option("--algorithm <name>", "rsa or ed25519; both by default, and both sign", algorithmOf)
        .option("--now", "sign at once, without waiting until the records are in the DNS")
        .option("--force", "also for a domain whose mail is kept elsewhere"),
    ).action(async (domain: string, options: MakeOptions) => {
      if (options.force !== true) await assertIsOurs(domain, options);
      const made = await make(domain, options);
      tell(made, options);
    }),
    ["dkim add example.org", "dkim add example.org --algorithm rsa --selector mail --now"],
  );

interface MakeOptions extends SourceOptions {
  readonly selector?: string;
  readonly algorithm?: DkimAlgorithm;
  readonly now?: boolean;
  readonly force?: boolean;
}

/** The host's own name signs what has no better: bounces, and seals on what is sent on. */
async function assertIsOurs(domain: string, options: SourceOptions): Promise<void> {
  const { auth, hostname } = configOf(options);
  if (domain === hostname) return;
  const { kind } = await administer(options, async () => {
    await using asked = connectAuth({ socketPath: auth.socketPath });
    return await asked.resolveRecipient(`postmaster@${domain}`);
  });
  if (kind !== "not-ours") return;
  throw new CommandFailure(
    `No mail for ${domain} is kept here: posthouse domain add ${domain}, or --force for keys all the same`,
  );
}

function make(domain: string, { selector, algorithm, now, ...source }: MakeOptions) {
  return storeOf(source).make({
    domain,
    ...(algorithm !== undefined && { algorithms: [algorithm] }),
    ...(selector !== undefined && { selector }),
    isActive: now === true,
  });
}

function tell(made: readonly DkimKey[], { now }: MakeOptions): void {
  const records = made.length === 1 ? "this record" : "these records";
  print(`Put ${records} into the DNS:\n`);
  for (const key of made) print(`${recordInWords(key)}\n`);
  print(
    now === true
      ? "Mail is signed from now on. Nobody can check it before the DNS has them."
      : "Mail is signed as soon as smtp-out sees them there; it looks every minute.",
  );
}

const rotateCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("rotate")
        .description("make new keys; the old ones sign until the new ones are in the DNS")
        .argument("<domain>")
        .option("--now", "sign with the new ones at once"),
    ).action(async (domain: string, options: MakeOptions) => {
      const keys = await storeOf(options).list();
      const old = keys.filter((key) => key.domain === domain && key.state === "active");
      if (old.length === 0) {
        throw new CommandFailure(
          `${domain} has no key that signs; "posthouse dkim add ${domain}" makes some`,
        );
      }
      const made = await storeOf(options).make({
        domain,
        algorithms: dkimAlgorithms.filter((name) => old.some((key) => key.algorithm === name)),
        isActive: options.now === true,
      });
      tell(made, options);
      print(
        `Leave the records of ${old.map(({ selector }) => selector).join(" and ")} where they are; "posthouse dkim list" says when they may go.`,
      );
    }),
    ["dkim rotate example.org"],
  );

const showCommand = () =>
  withExamples(
    withSourceOptions(
      new Command("show")
        .description("print the DNS records of a domain's keys")
        .argument("<domain>")
        .argument("[selector]")
        .option("--zone", "as lines of a zone file"),
    ).action(
      async (
        domain: string,
        selector: string | undefined,
        options: SourceOptions & { zone?: boolean },
      ) => {
        const store = storeOf(options);
        const keys =
          selector === undefined
            ? (await store.list()).filter((key) => key.domain === domain)
            : [await store.find(domain, selector)];
        if (keys.length === 0) {
          throw new CommandFailure(
            `${domain} has no DKIM keys; "posthouse dkim add ${domain}" makes them`,
          );
        }
        for (const key of keys) {
          print(options.zone === true ? zoneLineOf(dnsRecordOf(key)) : `${recordInWords(key)}\n`);
        }
      },
    ),
    ["dkim show example.org", "dkim show example.org ph202611-rsa --zone"],
  );

const retireCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("retire")
          .description("sign no more with a key; its DNS record has to stay for a while")
          .argument("<domain>")
          .argument("<selector>"),
      ),
      ({ args: [domain, selector] }) => `Sign no more mail of ${domain} with ${selector}?`,
      lookForKey,
    ).action(async (domain: string, selector: string, options: SourceOptions) => {
      const store = storeOf(options);
      const key = await store.find(domain, selector);
      if (key.state === "retired") throw new CommandFailure(`${selector} is retired already`);
      const retired = await store.retire(key);
      const others = (await store.list()).filter(
        (other) => other.domain === key.domain && other.state === "active",
      );
      print(`${selector}: ${meaningOf(retired, Date.now())}`);
      if (others.length === 0) print(`Mail of ${domain} is not signed any more.`);
    }),
    ["dkim retire example.org ph202611-rsa", "dkim retire example.org ph202611-rsa --yes"],
  );

const removeCommand = () =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("remove")
          .description("delete a key that is not needed any more")
          .argument("<domain>")
          .argument("<selector>")
          .option("--force", "also when mail that it signed may still be on its way"),
      ),
      ({ args: [domain, selector] }) =>
        `Delete the private key ${selector} of ${domain}, for good?`,
      lookForKey,
    ).action(
      async (domain: string, selector: string, options: SourceOptions & { force?: boolean }) => {
        const store = storeOf(options);
        const key = await store.find(domain, selector);
        const isFree = key.state === "waiting" || isUnneeded(key, Date.now());
        if (!isFree && options.force !== true) {
          throw new CommandFailure(
            `${selector} cannot be removed yet: ${meaningOf(key, Date.now())}; --force removes it all the same`,
          );
        }
        await store.remove(key);
        print(`Removed ${selector}. Take ${dnsRecordOf(key).name} out of the DNS.`);
      },
    ),
    ["dkim remove example.org ph202611-rsa", "dkim remove example.org ph202611-rsa --yes"],
  );

const lookForKey = ({ args: [domain = "", selector = ""], options }: Typed) =>
  storeOf(options as SourceOptions).find(domain, selector);

function meaningOf(key: DkimKey, nowMs: number): string {
  if (key.state === "waiting") return "waits for its DNS record";
  if (key.state === "active") return "signs";
  return isUnneeded(key, nowMs)
    ? "retired; its DNS record may go"
    : `retired; leave its DNS record until ${dayOf(recordNeededUntilMs(key) ?? 0)}`;
}

const isUnneeded = (key: DkimKey, nowMs: number): boolean =>
  (recordNeededUntilMs(key) ?? Number.POSITIVE_INFINITY) <= nowMs;

function recordInWords(key: DkimKey): string {
  const { name, text } = dnsRecordOf(key);
  return `  name:  ${name}\n  type:  TXT\n  value: ${text}`;
}

const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

function algorithmOf(name: string): DkimAlgorithm {
  const found = dkimAlgorithms.find((one) => one === name || one === `${name}-sha256`);
  if (found === undefined) throw usageFailure(`"${name}" is neither rsa nor ed25519`);
  return found;
}

function storeOf(options: SourceOptions): DkimKeyStore {
  const { smtpOut } = configOf(options);
  becomeOwnerOf(smtpOut.stateDirectory);
  return new DkimKeyStore(smtpOut.dkimDirectory);
}
