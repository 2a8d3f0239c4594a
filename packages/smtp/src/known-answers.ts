import type { Reply } from "./reply.ts";

/** What a common refusal means, and what to do about it. */
export interface KnownAnswer {
  /** For metrics: few, and they stay. */
  readonly id: KnownAnswerId;
  /** A whole sentence. */
  readonly meaning: string;
  /** What the administrator of the sending host does: a whole sentence. */
  readonly fix: string;
  /** What the sender does, in the words that follow "What you can do:". */
  readonly advice: string;
}

export type KnownAnswerId = (typeof causes)[number]["id"];

/**
 * The causes, most specific first: many hosts answer with two reasons at once. Texts of the large
 * providers as they publish them or as they were seen; a new one is a line here and in the tests.
 */
const causes = [
  {
    id: "no-ptr",
    patterns: [
      /\b(?:PTR|reverse[- ]?DNS|rDNS|reverse (?:hostname|lookup|mapping))\b/iu,
      /cannot find your (?:reverse )?hostname/iu,
      /does not meet IPv6 sending guidelines/iu,
      /Fix reverse DNS/iu,
      /\(G1F\)/u,
    ],
    meaning: "The other side wants the address that this mail came from to have a name of its own.",
    fix: "Ask whoever gave you the address to set its PTR record to this server's host name, which in turn has to lead back to the address; or send over the address family that has one.",
    advice:
      "nothing is wrong with your message. Your administrator has to give this mail server's address a PTR record.",
  },
  {
    id: "dmarc",
    patterns: [
      /DMARC/iu,
      /\b5\.7\.26\b/u,
      /\b5\.7\.509\b/u,
      /not accepted due to domain's/iu,
      /message does not have authentication information/iu,
    ],
    meaning:
      "Neither SPF nor DKIM showed that this mail comes from the domain in its From address, and that domain asks for such mail to be refused.",
    fix: "Make DKIM keys for the domain (posthouse dkim add) and put its SPF record and the keys' records into the DNS; somebody else's domain in From cannot be sent from here.",
    advice:
      "send it from an address of your own domain. If it was one, your administrator has to set up DKIM and SPF for it.",
  },
  {
    id: "dkim",
    patterns: [
      /\b5\.7\.(?:20|21|22|30)\b/u,
      /DKIM (?:check|signature|did not|unauthenticated|fail)/iu,
    ],
    meaning: "The other side found no DKIM signature that holds.",
    fix: "See with posthouse dkim list whether a key of the domain signs, and whether its record in the DNS is what posthouse dkim show prints.",
    advice:
      "nothing is wrong with your message. Your administrator has to look at its DKIM signature.",
  },
  {
    id: "spf",
    patterns: [
      /\bSPF\b/u,
      /\b5\.7\.2[37]\b/u,
      /Sender Policy Framework|openspf|not (?:a )?(?:permitted|designated|authorized) (?:sender|to send)/iu,
    ],
    meaning: "The SPF record of the sender's domain does not name this server.",
    fix: 'Add this server to the TXT record of the domain: "v=spf1 mx -all" when it is its MX too.',
    advice:
      "send it by the mail server of your address's domain. If that is this one, your administrator has to mend the domain's SPF record.",
  },
  {
    id: "spamhaus",
    patterns: [/spamhaus|\b(?:ZEN|SBL|XBL|CBL|PBL|DBL)\b/u, /\[BL2[13]\]|\(?(?:S3140)\)?/u],
    meaning:
      "This server's address or the domain is on a block list of Spamhaus, or of one like it.",
    fix: "Look it up at https://check.spamhaus.org: an address of a private line (PBL) has to send by a relay (smtp_out.routes) or be taken off there; any other listing has a cause on your side, such as a stolen password, that has to be ended first.",
    advice:
      "nothing is wrong with your message. Your administrator has to see why this mail server is on a block list.",
  },
  {
    id: "block-list",
    patterns: [
      /on our block ?list|block ?list(?:ed)?\b|black ?list(?:ed)?\b|blocked using|\bRBL\b|\bDNSBL\b/iu,
      /\(?(?:S3150|OU-00[12]|SC-00\d|DY-00\d|AS\(?\d{3,4}\)?)\)/u,
      /barracudacentral|spamcop|sorbs|uceprotect|proofpoint|cloudmark|senderbase|senderscore/iu,
      /\bIP=\S+ - None\/bad reputation|(?:poor|bad|low) reputation|very low reputation/iu,
      /permanently deferred|\[TSS\d\d\]|\bCS01\b|\[HM0\d\]/u,
    ],
    meaning:
      "The other side blocks this server's address because of what came from it, or from its neighbours.",
    fix: "Find out with the name of the list in the answer who lists it, end the cause, and ask that list or provider to take it off (Microsoft: https://olcsupport.office.com, Yahoo: https://senders.yahooinc.com, Telekom: tosa@rx.t-online.de, Apple: icloudadmin@apple.com).",
    advice:
      "nothing is wrong with your message. Your administrator has to have this mail server taken off a block list.",
  },
  {
    id: "greylisting",
    patterns: [/gr[ae]y-?list/iu, /\bfirst time\b.*\btry again\b/iu, /postgrey/iu],
    meaning: "The other side does not know us yet and wants to be asked again in some minutes.",
    fix: "Nothing: it is tried again by itself.",
    advice: "nothing: it is tried again by itself.",
  },
  {
    id: "rate-limit",
    patterns: [
      /rate[- ]?limit|too many (?:messages|connections|recipients|mails|emails)|too (?:fast|quickly)|throttl/iu,
      /unusual rate|unexpected volume|quota of (?:mails|messages)|\b4\.7\.28\b|RP-00\d|S775|S77719|\bG28\b/u,
      /receiving mail at a rate|limit (?:reached|exceeded)/iu,
    ],
    meaning: "The other side takes only so much from us in a time.",
    fix: "It goes on by itself, more slowly; for bulk mail set messages_per_minute_max and connections_max for the domain in smtp_out.routes, and look whether an account sends what its owner does not know of.",
    advice: "wait, and send large numbers of messages more slowly.",
  },
  {
    id: "mailbox-full",
    patterns: [
      /mailbox (?:is )?full|over ?quota|quota exceeded|exceeded (?:its )?storage|out of storage|insufficient storage|Speichervolumen/iu,
      /\b[45]\.2\.2\b/u,
    ],
    meaning: "The recipient's mailbox is full.",
    fix: "Nothing: only the recipient can make room.",
    advice:
      "tell the recipient in another way that the mailbox is full, and send the message again later.",
  },
  {
    id: "no-such-user",
    patterns: [
      /user unknown|unknown user|no such (?:user|mailbox|recipient)|does ?n[o']t exist|address(?:ee)? unknown|(?:recipient|user) not found|mailbox (?:not found|unavailable)|unknown local part|nicht bekannt|invalid recipient/iu,
      /\b5\.1\.1\b|\b5\.1\.10\b|doesn't have a (?:yahoo|\S+) account/u,
    ],
    meaning: "There is no such address at the other side.",
    fix: "Nothing: the address is wrong or closed.",
    advice:
      "check the address for a typing error, and ask the recipient in another way whether it is still in use.",
  },
  {
    id: "too-large",
    patterns: [
      /too (?:large|big)|(?:message|mail) size|exceeds (?:the )?(?:maximum|fixed|size)|size limit/iu,
      /\b5\.3\.4\b|\b5\.2\.3\b/u,
    ],
    meaning: "The message is larger than the other side takes.",
    fix: "Nothing: only the other side can raise its limit.",
    advice: "send it without its large attachments, or send a link to them.",
  },
  {
    id: "tls-needed",
    patterns: [
      /(?:must|need to|requires?) (?:issue a |use )?(?:STARTTLS|TLS)|\b5\.7\.29\b|encryption (?:is )?(?:required|needed)/iu,
    ],
    meaning: "The other side takes mail under TLS only, and there was none.",
    fix: "See in posthouse trace why the handshake failed; an old host may want a protocol that Node does not speak any more.",
    advice: "show this message to your administrator.",
  },
  {
    id: "content",
    patterns: [
      /(?:likely|looks like|detected as|classified as|considered|identified as) (?:unsolicited|spam|suspicious)|\bspam\b.*(?:content|message|detected|score)|message (?:content )?(?:rejected|blocked)|unsolicited (?:mail|email|bulk)/iu,
      /virus|malware|phish|blocked because (?:its content|of its)|attachment.*(?:not allowed|blocked|forbidden)/iu,
      /\b5\.7\.(?:0|350)\b.*(?:content|attachment)/iu,
    ],
    meaning: "The other side takes this message for spam or for dangerous.",
    fix: "If it is neither, see that DKIM, SPF and PTR are right, since they decide with; a new address is trusted after some weeks of mail that is wanted.",
    advice:
      "write it anew without attachments, links or large pictures, or reach the recipient in another way.",
  },
  {
    id: "bad-sender",
    patterns: [
      /sender (?:address )?(?:rejected|denied|verify failed|domain)|domain of sender.*(?:not exist|not resolve)|\b5\.1\.[78]\b|\b5\.7\.515\b/iu,
    ],
    meaning: "The other side does not take the sender's address or domain.",
    fix: "See that the domain has an MX record and that mail to the sender's address is taken here.",
    advice: "check the sender's address that your mail program is set up with.",
  },
  {
    id: "no-relay",
    patterns: [
      /relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed))|unable to relay|not (?:a )?local (?:domain|recipient)/iu,
    ],
    meaning: "The host that the domain's MX names does not take mail for it.",
    fix: "Nothing here: the owner of the domain has to mend its MX or the mail host.",
    advice:
      "ask the recipient in another way for another address: mail for this one cannot arrive.",
  },
] as const;

/** The first cause whose words are in the answer; undefined for an answer that says something else. */
export function knownAnswer({ code, enhanced, text }: Reply): KnownAnswer | undefined {
  if (code < 400) return undefined;
  const said = `${code} ${enhanced ?? ""} ${text.slice(0, TEXT_CHARS_MAX).replaceAll(/\s+/gu, " ")}`;
  return causes.find(({ patterns }) => patterns.some((pattern) => pattern.test(said)));
}

/** The cause of that id, as the event trail names it. */
export function knownCause(id: string): KnownAnswer | undefined {
  return causes.find((cause) => cause.id === id);
}

/** Of the text that is looked at; the longest of those known has 500. */
const TEXT_CHARS_MAX = 2048;
