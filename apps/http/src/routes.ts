import type { Challenges } from "./acme/challenges.ts";
import { answerChallenge } from "./acme/challenges.ts";
import { type Answer, answers, type Request } from "./answers.ts";

/** What has an answer at a path; undefined: this one does not. */
export type Route = (request: Request) => Answer | undefined | Promise<Answer | undefined>;

/** Everything that this server answers to: the table of contents of apps/http. */
export function routeOf({
  challenges,
}: {
  readonly challenges: Challenges;
}): (request: Request) => Promise<Answer> {
  const routes: readonly Route[] = [
    // Certificates: RFC 8555 §8.3
    (request) => answerChallenge(challenges, request),
  ];
  return async (request) => {
    for (const route of routes) {
      const answer = await route(request);
      if (answer !== undefined) return answer;
    }
    return answers.notFound;
  };
}
