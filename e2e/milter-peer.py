"""A milter that does what the Subject asks for, and adds what it was told as X-Told."""
import sys
import Milter


class Peer(Milter.Base):
    def __init__(self):
        self.told = []
        self.subject = ""
        self.size = 0

    def connect(self, name, family, address):
        self.told.append("connect %s %s" % (name, address[0]))
        return Milter.CONTINUE

    def hello(self, name):
        self.told.append("helo " + name)
        return Milter.CONTINUE

    def envfrom(self, sender, *parameters):
        self.told.append("mail " + sender + " as " + str(self.getsymval("i")))
        return Milter.CONTINUE

    def envrcpt(self, recipient, *parameters):
        self.told.append("rcpt " + recipient)
        return Milter.CONTINUE

    def header(self, name, value):
        if name.lower() == "subject":
            self.subject = value
        self.told.append("field " + name)
        return Milter.CONTINUE

    def body(self, octets):
        self.size += len(octets)
        return Milter.CONTINUE

    def eom(self):
        self.addheader("X-Told", "; ".join(self.told + ["body %d" % self.size]))
        if self.subject == "hold":
            self.quarantine("the subject says so")
        if self.subject == "refuse":
            self.setreply("554", "5.7.9", "No, thank you")
            return Milter.REJECT
        if self.subject == "later":
            return Milter.TEMPFAIL
        if self.subject == "throw away":
            return Milter.DISCARD
        return Milter.ACCEPT


Milter.factory = Peer
Milter.set_flags(Milter.ADDHDRS + Milter.QUARANTINE)
Milter.runmilter("peer", sys.argv[1], 10)
