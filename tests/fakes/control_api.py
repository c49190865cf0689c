# The model server's own endpoints, by which a test steers and reads it: /__fake/behave, /requests,
# /release, /reset, /wait. Served on every listener and, in plain HTTP, on the control listener, so
# that a test needs no TLS to ask. Waiting happens here, at the server, so that no test ever sleeps.
import json

from tests.fakes.gate import Gate
from tests.fakes.records import Book
from tests.fakes.rules import BadRule, Rules
from tests.fakes.sender import Answer

PREFIX = "/__fake/"
HANG_GUARD_SECONDS = 60.0


def as_json(value, status: int = 200) -> Answer:
    text = json.dumps(value).encode() + b"\n"
    return Answer(status, [("Content-Type", "application/json")], [text])


class ControlApi:
    def __init__(self, rules: Rules, book: Book, gate: Gate):
        self._rules, self._book, self._gate = rules, book, gate

    async def answer(self, request) -> Answer:
        verb = request.path[len(PREFIX):]
        action = {"behave": self._behave, "requests": self._requests, "release": self._release,
                  "reset": self._reset, "wait": self._wait, "counts": self._wait}.get(verb)
        if action is None:
            return as_json({"error": f"no such thing as {verb}"}, 404)
        return await action(request)

    async def _behave(self, request) -> Answer:
        """POST a rule or a list of rules: added after those in force. DELETE: none in force any
        more."""
        if request.method == "DELETE":
            self._rules.all.clear()
            return as_json({"rules": 0})
        try:
            self._rules.add(json.loads(request.body))
        except (ValueError, TypeError, BadRule) as error:
            return as_json({"error": str(error)}, 400)
        return as_json({"rules": len(self._rules.all)})

    async def _requests(self, request) -> Answer:
        return as_json({"requests": [e.as_json() for e in self._book.exchanges],
                        "connections": [c.as_json() for c in self._book.connections]})

    async def _release(self, request) -> Answer:
        """All that stand still go on."""
        return as_json({"released": self._gate.open()})

    async def _reset(self, request) -> Answer:
        """No rules, no records of what is over; what stands still goes on. Connections stay
        open."""
        self._rules.all.clear()
        self._gate.open()
        self._book.reset()
        return as_json({})

    async def _wait(self, request) -> Answer:
        """/wait?ended=3&connections=2: answers when every count of Book.counts() has at least its
        value; 408 after a minute. /counts answers at once."""
        try:
            wanted = {name: int(value) for name, value in request.query.items()}
            in_time = await self._book.wait(wanted, HANG_GUARD_SECONDS)
        except (KeyError, ValueError) as error:
            return as_json({"error": f"no such count: {error}"}, 400)
        return as_json(self._book.counts(), 200 if in_time else 408)
