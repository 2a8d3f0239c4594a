import { parentPort } from "node:worker_threads";
import { checkMessage } from "./check-message.ts";
import type { LookedUp } from "./look-up.ts";
import { OctetQueue } from "./octet-queue.ts";
import type { FromThread, ToThread } from "./thread-messages.ts";

/** A thread that checks messages: mailauth is loaded here and nowhere else. */
const port = parentPort;
if (port === null) throw new Error("This file is the beginning of a thread");

interface Check {
  readonly octets: OctetQueue;
  readonly questions: Map<number, (answer: LookedUp) => void>;
}

const checks = new Map<number, Check>();
const tell = (message: FromThread): void => port.postMessage(message);

port.on("message", (message: ToThread) => {
  const check = checks.get(message.id);
  switch (message.kind) {
    case "message":
      begin(message);
      return;
    case "octets":
      check?.octets.push(message.octets);
      return;
    case "end":
      check?.octets.end();
      return;
    case "abandon":
      check?.octets.fail(new Error("The message was abandoned"));
      return;
    case "answer":
      check?.questions.get(message.question)?.(message.answer);
      check?.questions.delete(message.question);
      return;
  }
});

function begin({ id, origin }: Extract<ToThread, { kind: "message" }>): void {
  const octets = new OctetQueue(() => tell({ kind: "taken", id }));
  const questions = new Map<number, (answer: LookedUp) => void>();
  checks.set(id, { octets, questions });
  let asked = 0;
  const ask = (name: string, type: string): Promise<LookedUp> => {
    const question = ++asked;
    const { promise, resolve } = Promise.withResolvers<LookedUp>();
    questions.set(question, resolve);
    tell({ kind: "question", id, question, lookUp: { name, type } });
    return promise;
  };
  checkMessage(origin, octets, ask)
    .then(
      (checked) => tell({ kind: "checked", id, checked }),
      (error: unknown) => tell({ kind: "failed", id, error: asError(error) }),
    )
    .finally(() => checks.delete(id));
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
