import type { Command } from "./command.ts";
import { deleteAcl, getAcl, listRights, myRights, setAcl } from "./commands/acl.ts";
import { append } from "./commands/append.ts";
import { authenticate } from "./commands/authenticate.ts";
import { cancelUpdate } from "./commands/cancelupdate.ts";
import { capability } from "./commands/capability.ts";
import { check } from "./commands/check.ts";
import { close } from "./commands/close.ts";
import { compress } from "./commands/compress.ts";
import { copy, uidCopy } from "./commands/copy.ts";
import { create } from "./commands/create.ts";
import { deleteMailbox } from "./commands/delete.ts";
import { enable } from "./commands/enable.ts";
import { esearch } from "./commands/esearch.ts";
import { expunge, uidExpunge } from "./commands/expunge.ts";
import { fetch, uidFetch } from "./commands/fetch.ts";
import { genUrlAuth } from "./commands/genurlauth.ts";
import { getMetadata } from "./commands/getmetadata.ts";
import { id } from "./commands/id.ts";
import { idle } from "./commands/idle.ts";
import { language } from "./commands/language.ts";
import { list } from "./commands/list.ts";
import { login } from "./commands/login.ts";
import { logout } from "./commands/logout.ts";
import { lsub } from "./commands/lsub.ts";
import { move, uidMove } from "./commands/move.ts";
import { namespace } from "./commands/namespace.ts";
import { noop } from "./commands/noop.ts";
import { notify } from "./commands/notify.ts";
import { getQuota, getQuotaRoot, setQuota } from "./commands/quota.ts";
import { rename } from "./commands/rename.ts";
import { replace, uidReplace } from "./commands/replace.ts";
import { resetKeyCommand } from "./commands/resetkey.ts";
import { search, uidSearch } from "./commands/search.ts";
import { examine, select } from "./commands/select.ts";
import { setMetadata } from "./commands/setmetadata.ts";
import { sort, uidSort } from "./commands/sort.ts";
import { startTls } from "./commands/starttls.ts";
import { status } from "./commands/status.ts";
import { store, uidStore } from "./commands/store.ts";
import { subscribe, unsubscribe } from "./commands/subscribe.ts";
import { thread, uidThread } from "./commands/thread.ts";
import { uidBatches } from "./commands/uidbatches.ts";
import { unauthenticate } from "./commands/unauthenticate.ts";
import { unselect } from "./commands/unselect.ts";
import { urlFetch } from "./commands/urlfetch.ts";

/** Every command that this server knows: the table of contents of apps/imap. */
export const commands: ReadonlyMap<string, Command> = new Map(
  [
    // Any state, RFC 3501 §6.1
    capability,
    noop,
    logout,
    id, // RFC 2971
    language, // RFC 5255
    // Not authenticated, §6.2
    startTls,
    authenticate,
    login,
    // Authenticated, §6.3
    select,
    examine,
    create,
    deleteMailbox,
    rename,
    subscribe,
    unsubscribe,
    list,
    lsub,
    status,
    append,
    genUrlAuth, // RFC 4467
    urlFetch,
    resetKeyCommand,
    enable, // RFC 5161
    namespace, // RFC 2342
    esearch, // RFC 7377
    idle, // RFC 2177
    compress, // RFC 4978
    unauthenticate, // RFC 8437
    notify, // RFC 5465
    getMetadata, // RFC 5464
    setMetadata,
    getAcl, // RFC 4314
    setAcl,
    deleteAcl,
    listRights,
    myRights,
    getQuota, // RFC 9208
    getQuotaRoot,
    setQuota,
    // Selected, §6.4
    check,
    close,
    unselect, // RFC 3691
    expunge,
    uidExpunge, // RFC 4315
    search,
    uidSearch,
    cancelUpdate, // RFC 5267
    sort, // RFC 5256
    uidSort,
    thread,
    uidThread,
    uidBatches, // RFC 10022
    fetch,
    uidFetch,
    store,
    uidStore,
    copy,
    uidCopy,
    move, // RFC 6851
    uidMove,
    replace, // RFC 8508
    uidReplace,
  ].map((command) => [command.name, command]),
);
