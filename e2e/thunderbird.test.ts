import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { freePort } from "@posthouse/test-tools";
import { Marionette } from "./marionette.ts";
import { hasPrograms, run } from "./program.ts";
import { startSuite } from "./suite.ts";
import { writeThunderbirdProfile } from "./thunderbird-profile.ts";

/** What a person does first: look at the list, open a message, answer it. */
test("Thunderbird connects, shows the list and a message, and sends a reply", {
  timeout: 240_000,
}, async (t) => {
  if (!hasPrograms(t, "thunderbird", "Xvfb", "import")) return;
  await using stack = new AsyncDisposableStack();
  const suite = stack.use(await startSuite());
  const directory = await mkdtemp(join(tmpdir(), "posthouse-thunderbird-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));

  const send = async (subject: string, text: string) => {
    const { code, stderr } = await run(
      "curl",
      [
        "--silent",
        "--show-error",
        "--insecure",
        "--ssl-reqd",
        "--user",
        "bob@example.test:posthouse",
        "--mail-from",
        "bob@example.test",
        "--mail-rcpt",
        "alice@example.test",
        "--upload-file",
        "-",
        `smtp://127.0.0.1:${suite.portOf("submission")}`,
      ],
      {
        input: `From: Bob <bob@example.test>\r\nTo: Alice <alice@example.test>\r\nSubject: ${subject}\r\n\r\n${text}\r\n`,
      },
    );
    assert.equal(code, 0, stderr);
  };
  await send(
    "Minutes of Thursday's meeting",
    "Attached are the minutes. Corrections until Monday, please.",
  );
  await send("Re: the garden", "The roses are in bloom; come and see.");
  await send(
    "Dinner on Saturday?",
    "Dear Alice,\r\n\r\nwould you like to have dinner on Saturday? We thought of eight o'clock.\r\n\r\nBob",
  );

  const display = await startXvfb(stack);
  const marionettePort = await freePort();
  await writeThunderbirdProfile(join(directory, "profile"), {
    name: "Alice",
    address: "alice@example.test",
    imapPort: suite.portOf("imaps"),
    smtpPort: suite.portOf("submissions"),
    marionettePort,
  });
  const thunderbird = startThunderbird(stack, join(directory, "profile"), display, directory);
  await thunderbird.listening;
  using marionette = await Marionette.connect(marionettePort);

  const pem = await readFile(join(suite.directory, "state", "tls", "self-signed.pem"), "utf8");
  const certificate = /-----BEGIN CERTIFICATE-----([^-]*)-----END/
    .exec(pem)?.[1]
    ?.replaceAll("\n", "");
  await marionette.run(
    TRUST,
    certificate,
    [suite.portOf("imaps"), suite.portOf("submissions")],
    "alice@example.test",
    "posthouse",
  );

  const subjects = await marionette.run<string[]>(SHOW_INBOX);
  assert.deepEqual(
    subjects.sort(),
    ["Dinner on Saturday?", "Minutes of Thursday's meeting", "Re: the garden"].sort(),
  );
  const shown = await marionette.run<string>(SHOW_MESSAGE, "Dinner on Saturday?");
  assert.match(shown, /would you like to have dinner on Saturday/);
  const picture = join(directory, "thunderbird.png");
  const { code, stderr } = await run("import", ["-display", display, "-window", "root", picture]);
  assert.equal(code, 0, stderr);
  if (process.env.POSTHOUSE_SCREENSHOT !== undefined) {
    await run("cp", [picture, process.env.POSTHOUSE_SCREENSHOT]);
  }

  await marionette.run(REPLY, "With pleasure. Eight is fine.");
  const reply = await run("curl", [
    "--silent",
    "--insecure",
    "--user",
    "bob@example.test:posthouse",
    `imaps://127.0.0.1:${suite.portOf("imaps")}/INBOX;MAILINDEX=1`,
  ]);
  assert.match(reply.stdout, /^Subject: Re: Dinner on Saturday\?\r$/m);
  assert.match(reply.stdout, /With pleasure\. Eight is fine\./);
  const sentCopy = await run("curl", [
    "--silent",
    "--insecure",
    "--user",
    "alice@example.test:posthouse",
    `imaps://127.0.0.1:${suite.portOf("imaps")}/Sent;MAILINDEX=1`,
  ]);
  assert.match(sentCopy.stdout, /With pleasure\. Eight is fine\./);
  const flags = await run("curl", [
    "--silent",
    "--insecure",
    "--user",
    "alice@example.test:posthouse",
    "--request",
    "SEARCH ANSWERED",
    `imaps://127.0.0.1:${suite.portOf("imaps")}/INBOX`,
  ]);
  assert.match(flags.stdout, /^\* SEARCH 3/);
});

/** Confirms the self-made certificate and remembers the password, as the person would when asked. */
const TRUST = `
  const [certificate, ports, user, password] = args;
  const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
  const known = database.constructX509FromBase64(certificate);
  for (const port of ports) overrides.rememberValidityOverride("127.0.0.1", port, {}, known, false);
  for (const origin of ["imap://127.0.0.1", "smtp://127.0.0.1"]) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(origin, null, origin, user, password, "", "");
    await Services.logins.addLoginAsync(login);
  }
`;

const FIND_INBOX = `
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const server = MailServices.accounts.accounts.find((one) => one.incomingServer.type === "imap").incomingServer;
  const until = async (what, isSo) => {
    for (let tries = 0; tries < 500; tries++) {
      const value = await isSo();
      if (value) return value;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("It never came true: " + what);
  };
  const setTimeout = Services.wm.getMostRecentWindow(null).setTimeout.bind(Services.wm.getMostRecentWindow(null));
`;

/** Fetches the folder list and the INBOX, and shows it in the main window. */
const SHOW_INBOX = `${FIND_INBOX}
  const window = await until("the main window", () => Services.wm.getMostRecentWindow("mail:3pane"));
  await until("the tabs", () => window.gTabmail?.currentAbout3Pane?.displayFolder);
  server.performExpand(null);
  const inbox = await until("the INBOX", () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));
  await new Promise((resolve, reject) => {
    inbox.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, { QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]), OnStartRunningUrl() {}, OnStopRunningUrl: (_url, status) => status === 0 ? resolve() : reject(new Error("status " + status)) });
  });
  await until("three messages", () => [...inbox.messages].length === 3);
  window.gTabmail.currentAbout3Pane.displayFolder(inbox);
  return [...inbox.messages].map((message) => message.mime2DecodedSubject.replace(/^/, message.flags & Ci.nsMsgMessageFlags.HasRe ? "Re: " : ""));
`;

const SHOW_MESSAGE = `${FIND_INBOX}
  const [subject] = args;
  const pane = Services.wm.getMostRecentWindow("mail:3pane").gTabmail.currentAbout3Pane;
  const index = await until("the row", () => {
    const view = pane.gDBView;
    for (let row = 0; view && row < view.rowCount; row++) {
      if (view.getMsgHdrAt(row).mime2DecodedSubject === subject) return { row };
    }
    return undefined;
  });
  pane.threadTree.selectedIndex = index.row;
  const body = () => pane.messageBrowser?.contentDocument?.getElementById("messagepane")?.contentDocument?.body;
  await until("the text", () => body()?.textContent.trim());
  await until("the picture", () => pane.messageBrowser.contentWindow.msgLoaded);
  return body().textContent;
`;

/** Answers the message that is shown, as the Reply button does, and sends it. */
const REPLY = `${FIND_INBOX}
  const [text] = args;
  const pane = Services.wm.getMostRecentWindow("mail:3pane").gTabmail.currentAbout3Pane;
  pane.commandController.doCommand("cmd_reply", new pane.MouseEvent("command"));
  const compose = await until("the compose window", () => Services.wm.getMostRecentWindow("msgcompose"));
  await until("the quoted text", () => compose.gMsgCompose?.editor && compose.windowIsReady !== false && compose.GetCurrentEditor?.()?.document?.body?.textContent.includes("dinner"));
  compose.GetCurrentEditor().beginningOfDocument();
  compose.GetCurrentEditor().insertText(text);
  const sent = new Promise((resolve) => compose.addEventListener("aftersend", resolve, { once: true }));
  const closed = new Promise((resolve) => compose.addEventListener("unload", resolve, { once: true }));
  compose.goDoCommand("cmd_sendNow");
  await sent;
  await closed;
`;

async function startXvfb(stack: AsyncDisposableStack): Promise<string> {
  const child = spawn(
    "Xvfb",
    ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
    {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    },
  );
  stack.defer(() => ended(child));
  const [line] = (await once(
    createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }),
    "line",
  )) as [string];
  return `:${line}`;
}

function startThunderbird(
  stack: AsyncDisposableStack,
  profile: string,
  display: string,
  home: string,
) {
  const child = spawn(
    "thunderbird",
    [
      "--profile",
      profile,
      "--no-remote",
      "--marionette",
      "--remote-allow-system-access",
      "-width",
      "1280",
      "-height",
      "800",
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        DISPLAY: display,
        HOME: home,
        MOZ_CRASHREPORTER_DISABLE: "1",
        LANG: "C.UTF-8",
        TZ: "UTC",
      },
    },
  );
  stack.defer(() => ended(child));
  const said: string[] = [];
  const listening = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        if (/Marionette.*Listening on port/.test(line)) resolve();
      });
    }
    child.once("exit", (code) =>
      reject(new Error(`Thunderbird ended with ${code}:\n${said.join("\n")}`)),
    );
  });
  return { child, listening };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
