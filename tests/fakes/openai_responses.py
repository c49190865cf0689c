# The Responses API of the OpenAI dialect, streaming and not, with the event sequence of the real
# service (platform.openai.com/docs/api-reference/responses-streaming). Pure. Apart from
# openai_api.py because its stream is another kind of thing: named, numbered events around a growing
# object instead of deltas of one message.
import json

from tests.fakes import model_text as mt
from tests.fakes.openai_api import as_json, event, stream, wanted_tool
from tests.fakes.sender import Answer


class Stored:
    """Streams of responses that run in the background, to be read again by the same key. Owned by
    the server; never emptied, as a test makes few."""

    def __init__(self):
        self._streams: dict[str, tuple[str, list[bytes]]] = {}

    def keep(self, number: str, key: str, pieces: list[bytes]) -> None:
        self._streams[number] = (key, pieces)

    def of(self, number: str, key: str) -> list[bytes] | None:
        owner, pieces = self._streams.get(number, (None, []))
        return pieces if owner == key else None


def answer_response(request, rule, stored: Stored) -> Answer:
    response = Response(request, rule)
    if not request.json.get("stream"):
        return as_json(response.whole("completed", response.items()), response.prompt)
    pieces = response.events()
    if request.json.get("background"):
        stored.keep(f"resp_{response.seed}", request.key, pieces)
    return stream(pieces, 1, response.prompt)


def stored_response(request, stored: Stored) -> Answer | None:
    """GET …/responses/{id}?stream=true&starting_after=n: the events behind the one with that
    number. None: nobody with this key has such a response."""
    pieces = stored.of(request.path.rpartition("/")[2], request.key)
    if pieces is None or request.method != "GET" or request.query.get("stream") != "true":
        return None
    return stream(pieces[int(request.query.get("starting_after", -1)) + 1:], 1, request.path)


class Response:
    def __init__(self, request, rule):
        self.body, self.rule = request.json, rule
        given = self.body.get("input")
        last = given[-1] if isinstance(given, list) and given else given
        self.prompt = mt.flatten(last)
        self.text = rule.text if rule.text is not None else mt.answer_text(self.prompt)
        self.tool = wanted_tool(request, rule)
        self.seed = mt.digest("response", self.prompt)[:48]
        self._number = -1

    def whole(self, status: str, output: list) -> dict:
        asked, said = mt.count_tokens(self.prompt), mt.count_tokens(self.text)
        usage = {"input_tokens": asked, "input_tokens_details": {"cached_tokens": 0},
                 "output_tokens": said, "output_tokens_details": {"reasoning_tokens": 0},
                 "total_tokens": asked + said} if status == "completed" else None
        return {"id": f"resp_{self.seed}", "object": "response", "created_at": mt.CREATED,
                "status": status, "background": bool(self.body.get("background")), "error": None,
                "incomplete_details": None,
                "instructions": self.body.get("instructions"), "max_output_tokens": None,
                "model": self.body.get("model"), "output": output, "parallel_tool_calls": True,
                "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
                "store": True, "temperature": 1.0, "text": {"format": {"type": "text"}},
                "tool_choice": "auto", "tools": self.body.get("tools") or [], "top_p": 1.0,
                "truncation": "disabled", "usage": usage, "user": None, "metadata": {}}

    def items(self) -> list[dict]:
        items = []
        if self.rule.thoughts:
            items.append({"id": f"rs_{self.seed}", "type": "reasoning", "summary": [
                {"type": "summary_text", "text": mt.thought_text(self.prompt)}]})
        items.append(self._call("completed") if self.tool
                     else self._message("completed", self.text))
        return items

    def _call(self, status: str) -> dict:
        arguments = json.dumps({"query": self.seed[:16]}) if status == "completed" else ""
        return {"id": f"fc_{self.seed}", "type": "function_call", "status": status,
                "arguments": arguments, "call_id": f"call_{self.seed[:24]}",
                "name": self.tool.get("name", "tool")}

    def _message(self, status: str, text: str | None) -> dict:
        content = [] if text is None else [part(text)]
        return {"id": f"msg_{self.seed}", "type": "message", "status": status, "content": content,
                "role": "assistant"}

    def _event(self, kind: str, **fields) -> bytes:
        self._number += 1
        return event({"type": kind, "sequence_number": self._number, **fields}, kind)

    def events(self) -> list[bytes]:
        started = self.whole("in_progress", [])
        kinds = ["created", *(["queued"] if self.body.get("background") else []), "in_progress"]
        events = [self._event(f"response.{kind}", response=started) for kind in kinds]
        items = self.items()
        if self.rule.thoughts:
            events += self._thought_events(items[0])
        index = len(items) - 1
        events += self._call_events(index) if self.tool else self._text_events(index)
        return [*events, self._event("response.completed", response=self.whole("completed", items))]

    def _thought_events(self, item: dict) -> list[bytes]:
        at = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
        text = item["summary"][0]["text"]
        return [self._event("response.output_item.added", output_index=0,
                            item=item | {"summary": []}),
                self._event("response.reasoning_summary_part.added", **at,
                            part={"type": "summary_text", "text": ""}),
                *(self._event("response.reasoning_summary_text.delta", **at, delta=t)
                  for t in mt.split_text(text, 5)),
                self._event("response.reasoning_summary_text.done", **at, text=text),
                self._event("response.reasoning_summary_part.done", **at, part=item["summary"][0]),
                self._event("response.output_item.done", output_index=0, item=item)]

    def _text_events(self, index: int) -> list[bytes]:
        at = {"item_id": f"msg_{self.seed}", "output_index": index, "content_index": 0}
        return [self._event("response.output_item.added", output_index=index,
                            item=self._message("in_progress", None)),
                self._event("response.content_part.added", **at, part=part("")),
                *(self._event("response.output_text.delta", **at, delta=t, logprobs=[])
                  for t in mt.split_text(self.text, self.rule.deltas)),
                self._event("response.output_text.done", **at, text=self.text, logprobs=[]),
                self._event("response.content_part.done", **at, part=part(self.text)),
                self._event("response.output_item.done", output_index=index,
                            item=self._message("completed", self.text))]

    def _call_events(self, index: int) -> list[bytes]:
        done = self._call("completed")
        at = {"item_id": done["id"], "output_index": index}
        return [self._event("response.output_item.added", output_index=index,
                            item=self._call("in_progress")),
                *(self._event("response.function_call_arguments.delta", **at, delta=t)
                  for t in mt.split_text(done["arguments"], 5)),
                self._event("response.function_call_arguments.done", **at,
                            arguments=done["arguments"]),
                self._event("response.output_item.done", output_index=index, item=done)]


def part(text: str) -> dict:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
