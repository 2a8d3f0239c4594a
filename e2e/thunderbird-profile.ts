import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Preferences of a Thunderbird that has its account already and asks nothing. */
export async function writeThunderbirdProfile(
  directory: string,
  account: {
    readonly name: string;
    readonly address: string;
    readonly imapPort: number;
    readonly smtpPort: number;
    readonly marionettePort: number;
  },
): Promise<void> {
  const preferences: Record<string, string | number | boolean> = {
    "marionette.port": account.marionettePort,
    "remote.active-protocols": 1,
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.server": "server1",
    "mail.account.account1.identities": "id1",
    "mail.account.account2.server": "server2",
    "mail.server.server1.type": "imap",
    "mail.server.server1.name": account.address,
    "mail.server.server1.hostname": "127.0.0.1",
    "mail.server.server1.port": account.imapPort,
    "mail.server.server1.socketType": 3,
    "mail.server.server1.authMethod": 3,
    "mail.server.server1.userName": account.address,
    "mail.server.server1.login_at_startup": false,
    "mail.server.server1.check_new_mail": false,
    "mail.server.server2.type": "none",
    "mail.server.server2.name": "Local Folders",
    "mail.server.server2.hostname": "Local Folders",
    "mail.server.server2.userName": "nobody",
    "mail.identity.id1.fullName": account.name,
    "mail.identity.id1.useremail": account.address,
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.valid": true,
    "mail.identity.id1.compose_html": false,
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.hostname": "127.0.0.1",
    "mail.smtpserver.smtp1.port": account.smtpPort,
    "mail.smtpserver.smtp1.try_ssl": 3,
    "mail.smtpserver.smtp1.authMethod": 3,
    "mail.smtpserver.smtp1.username": account.address,
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": false,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": false,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": true,
    "extensions.autoDisableScopes": 15,
    "intl.locale.requested": "en-US",
    "mail.biff.show_alert": false,
    "mail.provider.suppress_dialog_on_startup": true,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": false,
    "mail.spotlight.firstRunDone": true,
    "mail.winsearch.firstRunDone": true,
    "mailnews.start_page.enabled": false,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
    "network.proxy.type": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": false,
  };
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, "user.js"),
    Object.entries(preferences)
      .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
      .join(""),
  );
}
