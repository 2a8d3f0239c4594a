/** Fewer could be tried at the speed that bans leave in some years, and in hours by who has the hash. */
const BITS_MIN = 40;
const CHARS_MIN = 8;

/** What passwords are made of most: each counts as one try in a thousand. */
const words =
  /password|passwort|passwd|letmein|welcome|willkommen|iloveyou|admin|root|secret|geheim|master|dragon|monkey|football|baseball|sunshine|princess|shadow|superman|batman|hello|hallo|login|mail|user|test|changeme|default|summer|winter|spring|autumn|sommer|herbst|monday|january|love|pass|trustno1|whatever|freedom|charlie|michael|jordan|daniel|thomas|server/g;
const WORD_BITS = 10;
const YEAR_BITS = 6;

const rows = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890",
  "qwertyuiop",
  "qwertzuiop",
  "asdfghjkl",
  "yxcvbnm",
  "zxcvbnm",
];

/**
 * Why a password is easily guessed, as a sentence; undefined when it is not.
 *
 * An estimate: words that everybody takes, the account's own name, runs such as "aaaa", "1234" and "qwertz"
 * count for little, and each character that is left for as much as there are of its kind.
 */
export function weaknessOf(password: string, address: string): string | undefined {
  const chars = Array.from(password);
  if (chars.length < CHARS_MIN) {
    return `The password has ${chars.length} characters, and ${CHARS_MIN} is the least`;
  }
  if (bitsOf(password, address) >= BITS_MIN) return undefined;
  return "The password is easily guessed: several words that do not belong together, or twelve characters of any kind, are not";
}

function bitsOf(password: string, address: string): number {
  const own = address
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part.length > 2);
  let wordBits = 0;
  let left = password.toLowerCase().replaceAll(/(?:19|20)\d\d/g, () => {
    wordBits += YEAR_BITS;
    return "\0";
  });
  left = withoutDisguise(left).replaceAll(words, () => {
    wordBits += WORD_BITS;
    return "\0";
  });
  // Tried before anything else.
  for (const part of [...own, "posthouse"]) left = left.replaceAll(part, "\0");
  const kept = withoutRuns(Array.from(left).filter((char) => char !== "\0"));
  return wordBits + kept.length * Math.log2(kindsIn(password));
}

/** `p@ssw0rd` is "password". */
const withoutDisguise = (text: string): string =>
  text.replaceAll(/[@$!013457]/g, (char) => disguises[char] ?? char);
const disguises: Readonly<Record<string, string>> = {
  "@": "a",
  $: "s",
  "!": "i",
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
};

/** Of a run of equal or neighbouring characters two are left: where it begins, and how long it is. */
function withoutRuns(chars: readonly string[]): readonly string[] {
  return chars.filter((char, at) => {
    const one = chars[at - 1];
    const two = chars[at - 2];
    if (one === undefined || two === undefined) return true;
    return !(isNext(two, one) && isNext(one, char));
  });
}

const isNext = (one: string, two: string): boolean =>
  one === two || rows.some((row) => row.includes(one + two) || row.includes(two + one));

function kindsIn(password: string): number {
  let kinds = 0;
  if (/[a-z]/.test(password)) kinds += 26;
  if (/[A-Z]/.test(password)) kinds += 26;
  if (/\d/.test(password)) kinds += 10;
  if (/[^a-zA-Z\d]/.test(password)) kinds += 20;
  return kinds;
}
