import type { Program } from "../compile/program.ts";
import type { Action, DuplicateMark } from "./actions.ts";
import { CurrentMessage } from "./current-message.ts";
import { Execution, type Trace } from "./execution.ts";
import type { MessageSource } from "./message-source.ts";
import { runSteps } from "./run-steps.ts";
import type { Surroundings } from "./surroundings.ts";
import { Variables } from "./variables.ts";

/** What scripts decided, to be done by whoever ran them. */
export interface RunResult {
  /** In the order they were decided; the same mailbox or address once only (RFC 5228 §2.10.3). */
  readonly actions: readonly Action[];
  /** To be remembered when all of the actions are done. */
  readonly marks: readonly DuplicateMark[];
  readonly steps: number;
}

export interface RunOptions {
  /** Compiles scripts that are included; throws SieveScriptError. */
  readonly compile: (script: Uint8Array) => Program;
  readonly trace?: Trace;
}

/**
 * Runs scripts for one message, one after the other: each as long as the one before left the message
 * to the next, by saying nothing of it or by `keep`. Throws SieveRunError, and then nothing was
 * decided: the message is to be kept as it came (RFC 5228 §2.10.6). What the seam throws passes through.
 */
export async function runScripts(
  programs: readonly Program[],
  source: MessageSource,
  surroundings: Surroundings,
  { compile, trace }: RunOptions,
): Promise<RunResult> {
  const message = new CurrentMessage(source);
  const execution = new Execution(surroundings, message, { compile, trace });
  for (const [at, { steps }] of programs.entries()) {
    execution.variables = new Variables();
    await runSteps(steps, execution);
    await message.settle();
    const isLast = at === programs.length - 1;
    const keeps = execution.actions.findLast(({ kind }) => kind === "keep");
    if (isLast || (!execution.keepsImplicitly && keeps === undefined)) break;
    execution.leaveToNext();
  }
  if (execution.keepsImplicitly) {
    execution.tell("nothing took the message: keeps it in INBOX");
    execution.act(
      {
        kind: "keep",
        ...execution.place,
        flags: execution.flags,
        pieces: message.pieces(),
        isImplicit: true,
      },
      false,
    );
  }
  return {
    actions: onceEach(execution.actions, surroundings.envelope !== undefined),
    marks: [...execution.marks.values()],
    steps: execution.steps,
  };
}

/**
 * RFC 5228 §2.10.3: into one mailbox once, to one address once. The place is that of the first, the
 * flags are those of the last (RFC 5232 §3).
 */
function onceEach(actions: readonly Action[], keepsInInbox: boolean): Action[] {
  const found = new Map<string, Action>();
  for (const action of actions) {
    const key = identityOf(action, keepsInInbox);
    const first = found.get(key);
    if (first === undefined) found.set(key, action);
    else if ("flags" in first && "flags" in action) {
      found.set(key, { ...first, flags: action.flags });
    }
  }
  return [...found.values()];
}

function identityOf(action: Action, keepsInInbox: boolean): string {
  switch (action.kind) {
    case "keep":
      // RFC 6785 §3.3: what is in a mailbox already is kept there, and fileinto makes another message.
      if (!keepsInInbox) return action.kind;
      return JSON.stringify(["fileinto", "INBOX", null, null]);
    case "fileinto": {
      const { mailbox, mailboxId = null, specialUse = null } = action.destination;
      const name = mailbox.toUpperCase() === "INBOX" ? "INBOX" : mailbox;
      return JSON.stringify(["fileinto", name, mailboxId, specialUse]);
    }
    case "redirect":
      return JSON.stringify(["redirect", action.address.toLowerCase(), action.isList]);
    case "notify":
      return JSON.stringify(["notify", action.method, action.message]);
    case "discard":
    case "reject":
    case "vacation":
      return action.kind;
  }
}
