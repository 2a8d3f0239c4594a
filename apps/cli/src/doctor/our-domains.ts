import { exitCodes } from "@posthouse/service";
import type { Finding } from "../checks/finding.ts";
import { sentenceOf } from "../command-failure.ts";

/** The domains; or what is wrong with the accounts, as a finding like others: a failure would end as a warning does. */
export async function ourDomains(
  list: () => Promise<readonly { readonly domain: string }[]>,
): Promise<readonly string[] | Finding> {
  try {
    return (await list()).map(({ domain }) => domain);
  } catch (error) {
    const { sentence, exitCode } = sentenceOf(error);
    if (exitCode === exitCodes.software) throw error;
    return {
      id: "accounts",
      state: "bad",
      says: `The accounts cannot be read, so nothing is known of domains, queue and mailboxes: ${sentence}`,
      fix: "systemctl status posthouse-auth says why; posthouse account list tries it alone",
    };
  }
}
