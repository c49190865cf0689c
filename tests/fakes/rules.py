# What the model server is told to do otherwise than well: one Rule is which requests it is for, how
# often, and what happens to them. Rules come as JSON from a test (POST /__fake/behave), from the
# x-fake header of a request or from the command line; unknown names are errors, so that no test
# passes because of a spelling.
import fnmatch
from dataclasses import dataclass, field, fields


class BadRule(Exception):
    pass


@dataclass
class Rule:
    # Which requests. Unset matches all. `path` is a pattern (fnmatch) on the path without its
    # query.
    on: str = "request"             # "accept": for connections, before TLS:
                                    # only with delay_ms, stall, cut
    path: str | None = None
    method: str | None = None
    key: str | None = None
    model: str | None = None
    stream: bool | None = None
    reused: bool | None = None      # True: only on a connection that carried a request before
    skip: int = 0                   # the first so many matches are left alone
    times: int | None = None        # then so many are taken; unset: always

    # The answer. Unset: the well-behaved one of the vendor. A status of 400 and more without a body
    # gets the vendor's own error body and headers.
    status: int | None = None
    reason: str | None = None       # "" keeps the space after the code; see no_reason
    no_reason: bool = False         # the status line ends after the code
    version: str | None = None      # "HTTP/1.0"
    headers: list = field(default_factory=list)       # [[name, value], …] added at the end
    drop_headers: list = field(default_factory=list)  # names taken away
    header_case: str | None = None  # "lower", "upper", "odd"
    body: str | None = None         # UTF-8 text
    pieces: list | None = None      # the body in pieces: a stream's events, each a string
    body_mib: float | None = None   # so many MiB, made while they are sent
    gzip: bool = False              # Content-Encoding: gzip, also for streams (flushed per event)
    raw: str | None = None          # the whole answer, latin-1, sent as it is
    retry_after: float | None = None  # seconds, in every form in which the vendor says it
    error_code: str | None = None   # the vendor's code or type inside an error body

    # What the model says.
    text: str | None = None
    deltas: int | None = None       # in how many pieces a stream sends it (default 20)
    thoughts: bool = False
    tools: bool = False
    finish: str | None = None       # finish_reason, stop_reason, finishReason
    goes_on: str | None = None      # "exact", "repeats" (its last words), "restarts" (the
                                    # sentence): the model's last turn in the request is the
                                    # beginning of the answer, and only the rest is said
    no_end: bool = False            # a stream without its end marker ([DONE], message_stop, …)
    error_event: dict | None = None  # {"after": pieces, "code": 500, "body": text?}:
                                     # the vendor's error (or the text) in the stream

    # When.
    delay_ms: float = 0             # before the first byte
    delay_body_ms: float = 0        # between head and body
    delay_event_ms: float = 0       # between pieces
    stall: object = None            # "accept", "request" (body unread), "head", "body",
                                    # {"event": n}, {"byte": n}: stands still there until
                                    # POST /__fake/release
    # How it ends.
    cut: dict | None = None         # {"at": n} of all bytes, {"body_at": n} or {"event": n},
                                    # and "how": "fin" (default), "rst", "no_notify" (TLS
                                    # without close_notify)
    after_answer: str | None = None  # "fin", "rst", "no_notify": unannounced, after a
                                     # whole answer
    connection_close: bool = False  # announced end: Connection: close

    # Framing.
    framing: str | None = None      # "length", "chunked", "close", "none"
    length_delta: int = 0           # Content-Length is so much more (or less) than the body
    chunk_fault: str | None = None  # "bad_size", "no_last", "no_crlf", "overflow",
                                    # "extension", "negative"
    trailers: list = field(default_factory=list)
    garbage: str | None = None      # after the body's end
    second_length: int | None = None  # a second Content-Length with this value
    length_and_chunked: bool = False
    interim: list = field(default_factory=list)  # [100, [103, [["Link", "…"]]], …] go before
    interim_repeat: int = 1
    switch: bool = False            # 101 that nobody asked for
    huge_header: int = 0            # a field with so many bytes
    many_headers: int = 0           # so many fields
    line_end: str = "\r\n"          # "\n": bare LF in the head
    split: object = None            # "bytes": each a write of its own; n, [n, …]: split there
    # The request's body.
    read_body: object = None        # "none": answered before it is read; {"pause_ms": n}:
                                    # slowly, with a pause after each read

    taken: int = 0                  # matches so far; not a setting

    @classmethod
    def of(cls, values: dict) -> "Rule":
        known = {f.name for f in fields(cls)} - {"taken"}
        if not isinstance(values, dict) or (unknown := set(values) - known):
            raise BadRule(f"unknown {sorted(unknown) if isinstance(values, dict) else values}; "
                          f"known: {sorted(known)}")
        rule = cls(**values)
        rule.check()
        return rule

    def check(self) -> None:
        allowed = {"on": ("request", "accept"),
                   "framing": (None, "length", "chunked", "close", "none"),
                   "header_case": (None, "lower", "upper", "odd"),
                   "after_answer": (None, "fin", "rst", "no_notify"),
                   "goes_on": (None, "exact", "repeats", "restarts"),
                   "chunk_fault": (None, "bad_size", "no_last", "no_crlf", "overflow", "extension",
                                   "negative")}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise BadRule(f"{name}: {getattr(self, name)!r}; allowed: {values}")
        if self.cut is not None:
            if set(self.cut) - {"at", "body_at", "event", "how"} or (
                    self.cut.get("how", "fin") not in ("fin", "rst", "no_notify")):
                raise BadRule(f"cut: {self.cut}")
        stalls = ("accept", "request", "head", "body")
        if not (self.stall is None or self.stall in stalls if not isinstance(self.stall, dict)
                else set(self.stall) <= {"event", "byte"}):
            raise BadRule(f"stall: {self.stall!r}; allowed: {stalls}, event, byte")

    def stalls_at(self, place: str, number: int | None = None) -> bool:
        if isinstance(self.stall, dict):
            return number is not None and self.stall.get(place) == number
        return self.stall == place

    def fits(self, request, reused: bool) -> bool:
        return ((self.path is None or fnmatch.fnmatchcase(request.path, self.path))
                and self.method in (None, request.method) and self.key in (None, request.key)
                and (self.model is None or self.model == request.model)
                and (self.stream is None or self.stream == wants_stream(request))
                and self.reused in (None, reused))

    def take(self) -> bool:
        """Counts a match; says whether the rule is to act on it."""
        self.taken += 1
        within = self.times is None or self.taken <= self.skip + self.times
        return self.taken > self.skip and within


def wants_stream(request) -> bool:
    return (bool(request.json.get("stream")) or request.query.get("stream") == "true"
            or ":streamGenerateContent" in request.path)


class Rules:
    """The rules in force, first match first."""

    def __init__(self):
        self.all: list[Rule] = []

    def add(self, values) -> None:
        self.all += [Rule.of(v) for v in (values if isinstance(values, list) else [values])]

    def for_accept(self) -> Rule:
        return next((r for r in self.all if r.on == "accept" and r.take()), Rule())

    def for_request(self, request, reused: bool) -> Rule:
        return next((r for r in self.all
                     if r.on == "request" and r.fits(request, reused) and r.take()), Rule())
