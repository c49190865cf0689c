# Every way to fail that these tests know, as a table: what the upstream does, what is said of it in
# documents, and what a client sees of it where nothing else can be tried. Whether a request may be
# sent again after it is its `kind`; policy.py says what follows from that.
import email.utils
import time
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.fakes import certs
from tests.integration.failover.failing import (Conversation, FailingUpstream, Nameless, Script,
                                                Unreachable)


class Kind(Enum):
    NOT_TAKEN = auto()   # no connection was made: nothing can have happened
    UNKNOWN = auto()     # the request left, and nobody knows what came of it
    UNREADABLE = auto()  # it was answered with what is no answer, and would be again
    STATUS = auto()      # the upstream answered that it is to be asked again
    FINAL = auto()       # it answered, and would again
    CUT = auto()         # the answer had begun


@dataclass(frozen=True)
class Failure:
    name: str
    told: str
    kind: Kind
    script: Script | None = None
    status: int = 502            # what the client sees in the end
    stage: str | None = None     # None: the vendor's own words, or a cut
    tls: bool = False
    timeouts: dict = field(default_factory=dict)
    refuses_key: bool = False    # said to a pool's key it is about the key
    certain: bool = False        # the same after a pause
    reaches: bool = True         # the upstream sees something of the request
    place: str | None = None     # of those who never see one: Unreachable's word, or "nameless"

    def upstream(self):
        if self.place == "nameless":
            return Nameless()
        return Unreachable(self.place) if self.place else FailingUpstream(self.script, tls=self.tls)


SHORT = "250ms"
FAILURES: dict[str, Failure] = {}


def add(name: str, told: str, kind: Kind, script: Script | None = None, **more) -> None:
    FAILURES[name] = Failure(name, told, kind, script, **more)


# -- no connection

def no_connection(name: str, told: str, stage: str, **more) -> None:
    add(name, told, Kind.NOT_TAKEN, stage=stage, reaches=False, **more)


def hello_then(end: str) -> Script:
    def script(talk: Conversation) -> None:
        talk.raw.recv_some()
        talk.end(end)
    return script


def certificate(name: str) -> Script:
    def script(talk: Conversation) -> None:
        talk.handshake(getattr(certs, name)())
        talk.end("wait")
    return script


def no_tls(talk: Conversation) -> None:
    talk.raw.recv_some()
    talk.answer(200)
    talk.end("wait")


no_connection("resolve", "the name does not resolve", "resolve", place="nameless")
no_connection("refused", "connection refused", "connect", place="refused")
no_connection("connect-silent", "connecting is never answered", "connect", place="blackhole",
              status=504, timeouts={"connect": SHORT})
no_connection("tls-closed", "closed in the TLS handshake", "tls", tls=True,
              script=hello_then("close"))
no_connection("tls-reset", "reset in the TLS handshake", "tls", tls=True, script=hello_then("rst"))
no_connection("tls-silent", "the TLS handshake is never answered", "tls", tls=True, status=504,
              script=hello_then("wait"), timeouts={"tls": SHORT})
no_connection("tls-wrong-host", "certificate of another host", "tls", tls=True,
              script=certificate("wrong_host"), certain=True)
no_connection("tls-expired", "certificate expired", "tls", tls=True,
              script=certificate("expired"), certain=True)
no_connection("tls-untrusted", "certificate of a stranger's authority", "tls", tls=True,
              script=certificate("untrusted"), certain=True)
no_connection("tls-none", "no TLS where TLS is due", "tls", tls=True, script=no_tls)


# -- the request left

def unknown(name: str, told: str, script: Script, **more) -> None:
    add(name, told, Kind.UNKNOWN, script, **{"stage": "first_byte", **more})


def after(share: float | None, end: str, sends: str = "") -> Script:
    """After that share of the body, or in the middle of the head."""
    def script(talk: Conversation) -> None:
        talk.handshake()
        if share is None:
            talk.raw.recv_exactly(40)
        else:
            talk.read(share)
        if sends:
            talk.raw.send(sends)
        talk.end(end)
    return script


def trickling(talk: Conversation) -> None:
    talk.read()
    talk.raw.send("HTTP/1.1 200 OK\r\nX: ")
    while True:  # until the relay goes: sending fails then
        talk.raw.send("x")
        talk.raw.socket.settimeout(0.02)
        try:
            talk.raw.recv_some()
        except TimeoutError:
            pass


HALF_HEAD = "HTTP/1.1 200 OK\r\nContent-Ty"
unknown("head-reset", "reset in the middle of the request's head", after(None, "rst"))
unknown("body-reset", "reset in the middle of the request's body", after(0.5, "rst"))
unknown("half-close", "half-closed in the middle of the request's body", after(0.5, "fin"))
unknown("silent", "the request is never answered", after(1, "wait"), status=504,
        timeouts={"first_byte": SHORT})
unknown("answer-reset", "reset instead of an answer", after(1, "rst"))
unknown("answer-closed", "closed instead of an answer", after(1, "close"))
unknown("answer-head-reset", "reset in the middle of the answer's head",
        after(1, "rst", HALF_HEAD))
unknown("answer-head-closed", "closed in the middle of the answer's head",
        after(1, "close", HALF_HEAD))
unknown("answer-head-trickled", "the answer's head comes a byte at a time, without end", trickling,
        status=504, timeouts={"first_byte": SHORT})
add("answer-garbage", "an answer that is not HTTP", Kind.UNREADABLE,
    after(1, "wait", "SSH-2.0-x\r\n\r\n"), stage="first_byte")
add("answer-two-lengths", "an answer with two lengths", Kind.UNREADABLE,
    after(1, "wait", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    stage="first_byte")
unknown("interim-reset", "103, then reset",
        after(1, "rst", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
unknown("tls-answer-closed", "closed instead of an answer, over TLS", after(1, "close"), tls=True)


# -- the upstream answered

def saying(status: int, fields=lambda: "") -> Script:
    def script(talk: Conversation) -> None:
        talk.handshake()
        talk.read()
        talk.answer(status, fields(), '{"error": {"message": "said by the vendor"}}')
        talk.end("wait")
    return script


def in_two_seconds() -> str:
    return f"Retry-After: {email.utils.formatdate(time.time() + 2, usegmt=True)}\r\n"


def says(status: int, kind: Kind, name: str = "", told: str = "", fields=lambda: "", **more):
    add(name or str(status), told or f"{status}", kind, saying(status, fields), status=status,
        **more)


says(429, Kind.STATUS, refuses_key=True)
says(429, Kind.STATUS, "429-seconds", "429 with Retry-After in seconds",
     lambda: "Retry-After: 1\r\n", refuses_key=True)
says(429, Kind.STATUS, "429-date", "429 with Retry-After as a date", in_two_seconds,
     refuses_key=True)
for code in (500, 502, 503, 504, 529):
    says(code, Kind.STATUS)
for code in (401, 403):
    says(code, Kind.FINAL, refuses_key=True)
for code in (400, 404, 413, 501):
    says(code, Kind.FINAL)


# -- the answer had begun

def beginning(fields: str, body: str, end: str) -> Script:
    def script(talk: Conversation) -> None:
        talk.handshake()
        talk.read()
        talk.begin(fields, body)
        talk.end(end)
    return script


def cut(name: str, told: str, fields: str, body: str, end: str, **more) -> None:
    add(name, told, Kind.CUT, beginning(fields, body, end), status=200, **more)


LENGTH, CHUNKED = "Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"
EVENTS = CHUNKED + "Content-Type: text/event-stream\r\nConnection: close\r\n"
EVENT = 'data: {"choices": []}\n\n'
CHUNK = f"{len(EVENT):x}\r\n{EVENT}\r\n"
cut("cut-length", "closed before the length is reached", LENGTH, "{", "close")
cut("cut-length-reset", "reset before the length is reached", LENGTH, "{", "rst")
cut("cut-chunks", "closed without the last chunk", CHUNKED, "1\r\n{\r\n", "close")
cut("cut-events", "a stream that ends without its end marker", EVENTS, CHUNK + "0\r\n\r\n",
    "close")
cut("cut-events-reset", "a stream that is reset", EVENTS, CHUNK, "rst")
cut("cut-silent", "an answer that stands still", LENGTH, "{", "wait", timeouts={"idle": SHORT})
