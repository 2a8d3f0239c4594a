import type { TextTable } from "./translation.ts";

/** Everything that this server says, in German. A test looks for texts of the source that are missing. */
export const german: TextTable = {
  // The end of a command
  "{} completed": "{} ausgeführt",
  "Logged in": "Angemeldet",
  "Logged out; log in again": "Abgemeldet; eine neue Anmeldung ist möglich",
  "DEFLATE active": "DEFLATE ist aktiv",
  "Begin TLS negotiation now": "TLS kann jetzt ausgehandelt werden",
  "Language changed": "Sprache gewechselt",
  "Supported languages have been enumerated": "Das sind die Sprachen dieses Servers",
  "No messages moved": "Keine Nachricht verschoben",
  "No messages copied": "Keine Nachricht kopiert",

  // On its own
  "Still here": "Noch da",
  "Logging out": "Auf Wiedersehen",
  "Shutting down": "Der Server wird beendet",
  "Idle for too long": "Zu lange nichts gehört",
  "Nobody logged in": "Niemand hat sich angemeldet",
  "Too many commands that are none": "Zu viele Befehle, die keine sind",
  "The selected mailbox is gone": "Das gewählte Postfach gibt es nicht mehr",
  "That literal is too large to be read to its end":
    "Dieses Literal ist zu groß, um es zu Ende zu lesen",
  "Too many failed logins": "Zu viele falsche Anmeldungen",

  // Logging in
  "Wrong user name or password": "Falscher Benutzername oder falsches Passwort",
  "Cannot check logins now": "Anmeldungen können gerade nicht geprüft werden",
  "Too many failed logins from your address: try again in {} seconds":
    "Zu viele falsche Anmeldungen von Ihrer Adresse: versuchen Sie es in {} Sekunden wieder",
  "Too many connections of this account from your address":
    "Zu viele Verbindungen dieses Kontos von Ihrer Adresse",
  "Passwords are taken only in TLS: give STARTTLS first":
    "Passwörter werden nur in TLS angenommen: zuerst STARTTLS",
  "There is no mechanism {}": "Das Verfahren {} gibt es hier nicht",
  "TLS is active already": "TLS ist schon aktiv",
  "Compression is active already": "Die Kompression ist schon aktiv",
  "Unknown compression {}": "Unbekannte Kompression {}",
  "Unsupported language {}": "Diese Sprache gibt es hier nicht: {}",

  // What cannot be done
  "Internal error": "Interner Fehler",
  "Try again later": "Versuchen Sie es später noch einmal",
  "No such mailbox": "Dieses Postfach gibt es nicht",
  "Mailbox already exists": "Dieses Postfach gibt es schon",
  "That cannot be done with this mailbox": "Mit diesem Postfach geht das nicht",
  "Mailbox is full": "Das Postfach ist voll",
  "Mailbox is read-only": "Das Postfach kann nur gelesen werden",
  "Some of the messages have been expunged": "Einige der Nachrichten gibt es nicht mehr",
  "A limit of this server is reached": "Eine Grenze dieses Servers ist erreicht",
  "A message cannot contain NUL octets": "Eine Nachricht kann keine NUL-Oktette enthalten",
  "The message is larger than this server takes":
    "Die Nachricht ist größer, als dieser Server annimmt",
  "There is no such mailbox to put messages into":
    "Das Postfach, in das die Nachrichten sollen, gibt es nicht",
  "No mailbox can have that name": "So kann kein Postfach heißen",
  "No level of a name can be . or ..": "Keine Ebene eines Namens kann . oder .. heißen",
  "No keyword can be NIL": "Kein Schlagwort kann NIL heißen",
  "The name is not in modified UTF-7": "Der Name ist nicht in modifiziertem UTF-7",
  "Only US-ASCII and UTF-8 can be searched in": "Gesucht werden kann nur in US-ASCII und UTF-8",
  "Another mailbox is for {} already": "Ein anderes Postfach ist schon für {} da",
  "There is no mailbox for {}": "Für {} gibt es kein Postfach",

  // What is no command
  "Expected a tag": "Erwartet wurde ein Kennzeichen",
  "Expected a command": "Erwartet wurde ein Befehl",
  "Expected DONE": "Erwartet wurde DONE",
  "Expected CRLF after the literal": "Erwartet wurde CRLF nach dem Literal",
  "Expected a number above zero": "Erwartet wurde eine Zahl über null",
  "Expected {} at column {}, got {}": "Erwartet wurde {} in Spalte {}, statt {}",
  "Unknown command {}": "Unbekannter Befehl {}",
  "{} is not allowed {}": "{} ist hier nicht erlaubt ({})",
  "Unknown FETCH item {}": "Unbekannte Angabe {} in FETCH",
  "Unknown LIST return option {}": "Unbekannte Angabe {} in RETURN von LIST",
  "Unknown LIST option {}": "Unbekannte Angabe {} in LIST",
  "Unknown CREATE parameter {}": "Unbekannte Angabe {} in CREATE",
  "Unknown STORE item {}": "Unbekannte Angabe {} in STORE",
  "Unknown status item {}": "Unbekannte Angabe {} in STATUS",
  "Unknown section {}": "Unbekannter Abschnitt {}",
  "Unknown search key {}": "Unbekannter Suchbegriff {}",
  "RECURSIVEMATCH needs SUBSCRIBED": "RECURSIVEMATCH verlangt SUBSCRIBED",
  "MIME needs a part number": "MIME verlangt die Nummer eines Teils",
  "That is not the name of a header field": "So kann kein Kopffeld heißen",
  "There is no message {}": "Eine Nachricht {} gibt es nicht",
  "There is no system flag {}": "Eine Systemmarke {} gibt es nicht",
  "An ID field is too long": "Eine Angabe in ID ist zu lang",
  "A section has more than {} numbers": "Ein Abschnitt hat mehr als {} Nummern",
  "More than {} keys": "Mehr als {} Suchbegriffe",
  "Keys are more than {} inside each other": "Suchbegriffe sind tiefer als {} verschachtelt",
  "More than {} in one list": "Mehr als {} in einer Liste",
  "A list is empty": "Eine Liste ist leer",
  "A line has more than {} octets": "Eine Zeile hat mehr als {} Oktette",
  "A literal has more than {} octets": "Ein Literal hat mehr als {} Oktette",
  "A command has more than {} octets": "Ein Befehl hat mehr als {} Oktette",
  "A literal cannot contain NUL": "Ein Literal kann kein NUL enthalten",
  "A string is not UTF-8": "Eine Zeichenkette ist nicht UTF-8",
  "{} is more than a number can be": "{} ist größer, als eine Zahl sein kann",
  "{} is not a sequence-set": "{} ist keine Nachrichtenfolge",
  "{} is not a date": "{} ist kein Datum",
  "{} is not a date-time": "{} ist kein Zeitpunkt",
};
