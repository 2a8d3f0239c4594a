import type { TestDefinition } from "./compile/definition.ts";
import { address } from "./tests/address.ts";
import { allof } from "./tests/allof.ts";
import { anyof } from "./tests/anyof.ts";
import { body } from "./tests/body.ts";
import { currentdate } from "./tests/currentdate.ts";
import { date } from "./tests/date.ts";
import { duplicate } from "./tests/duplicate.ts";
import { envelope } from "./tests/envelope.ts";
import { environment } from "./tests/environment.ts";
import { exists } from "./tests/exists.ts";
import { alwaysFalse } from "./tests/false.ts";
import { hasflag } from "./tests/hasflag.ts";
import { header } from "./tests/header.ts";
import { ihave } from "./tests/ihave.ts";
import { mailboxexists } from "./tests/mailboxexists.ts";
import { mailboxidexists } from "./tests/mailboxidexists.ts";
import { metadata } from "./tests/metadata.ts";
import { metadataexists } from "./tests/metadataexists.ts";
import { not } from "./tests/not.ts";
import { notifyMethodCapability } from "./tests/notify-method-capability.ts";
import { servermetadata } from "./tests/servermetadata.ts";
import { servermetadataexists } from "./tests/servermetadataexists.ts";
import { size } from "./tests/size.ts";
import { spamtest } from "./tests/spamtest.ts";
import { specialuseExists } from "./tests/specialuse-exists.ts";
import { string } from "./tests/string.ts";
import { alwaysTrue } from "./tests/true.ts";
import { validExtList } from "./tests/valid-ext-list.ts";
import { validNotifyMethod } from "./tests/valid-notify-method.ts";
import { virustest } from "./tests/virustest.ts";

/** Every test: the table of contents. */
export const tests: ReadonlyMap<string, TestDefinition> = new Map(
  [
    // RFC 5228 §5
    address,
    allof,
    anyof,
    envelope,
    exists,
    alwaysFalse,
    header,
    not,
    size,
    alwaysTrue,
    // RFC 5173
    body,
    // RFC 5183
    environment,
    // RFC 5229
    string,
    // RFC 5232
    hasflag,
    // RFC 5235
    spamtest,
    virustest,
    // RFC 5260
    date,
    currentdate,
    // RFC 5435
    validNotifyMethod,
    notifyMethodCapability,
    // RFC 5463
    ihave,
    // RFC 5490
    mailboxexists,
    metadata,
    metadataexists,
    servermetadata,
    servermetadataexists,
    // RFC 7352
    duplicate,
    // Other mailboxes and lists
    mailboxidexists,
    specialuseExists,
    validExtList,
  ].map((test) => [test.name, test]),
);
