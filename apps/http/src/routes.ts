import { AuthUnavailable } from "@posthouse/accounts";
import type { Config } from "@posthouse/service";
import type { Challenges } from "./acme/challenges.ts";
import { answerChallenge } from "./acme/challenges.ts";
import { type Answer, answers, type Request } from "./answers.ts";
import { clientRoutes, type SignProfile } from "./clients/client-routes.ts";
import type { OurDomains } from "./clients/our-domains.ts";

/** What has an answer at a path; undefined: this one does not. */
export type Route = (request: Request) => Answer | undefined | Promise<Answer | undefined>;

export interface RouteParts {
  readonly config: Config;
  readonly challenges: Challenges;
  readonly domains: Pick<OurDomains, "has">;
  readonly sign?: SignProfile;
}

/** Everything that this server answers to: the table of contents of apps/http. */
export function routeOf({
  config,
  challenges,
  domains,
  sign,
}: RouteParts): (request: Request) => Promise<Answer> {
  const routes: readonly Route[] = [
    // Certificates: RFC 8555 §8.3
    (request) => answerChallenge(challenges, request),
    // Mail programs, and MTA-STS
    ...clientRoutes(config, domains, sign),
  ];
  return async (request) => {
    try {
      for (const route of routes) {
        const answer = await route(request);
        if (answer !== undefined) return answer;
      }
      return answers.notFound;
    } catch (error) {
      if (error instanceof AuthUnavailable) return answers.unavailable;
      throw error;
    }
  };
}
