# The Anthropic dialect of the model server: messages (streaming and not), count_tokens, models,
# with the event sequence and headers of the real service
# (docs.anthropic.com/en/api/messages-streaming). Pure.
import json

from tests.fakes import model_text as mt
from tests.fakes.openai_api import event
from tests.fakes.sender import Answer

MODELS = (("claude-opus-5-5", "Claude Opus 5.5"), ("claude-sonnet-5-5", "Claude Sonnet 5.5"),
          ("claude-haiku-5-5", "Claude Haiku 5.5"))
RESET = "2030-01-01T00:00:00Z"


def headers(content_type: str, seed: str) -> list:
    limits = [(f"anthropic-ratelimit-{kind}-{what}", value)
              for kind in ("requests", "tokens", "input-tokens", "output-tokens")
              for what, value in (("limit", "4000"), ("remaining", "3999"), ("reset", RESET))]
    return [("Content-Type", content_type), ("Cache-Control", "no-cache"), *limits,
            ("request-id", f"req_{mt.digest('request', seed)[:24]}"),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
            ("via", "1.1 fake"), ("cf-cache-status", "DYNAMIC")]


def as_json(value, seed: str = "") -> Answer:
    return Answer(200, headers("application/json", seed), [json.dumps(value).encode()])


def answer(request, rule) -> Answer | None:
    """None where the path is none of this dialect."""
    path = request.path
    if path.endswith("/messages/count_tokens"):
        return as_json({"input_tokens": Message(request, rule).asked})
    if path.endswith("/messages"):
        return Message(request, rule).answer()
    if path.endswith("/models"):
        data = [model(*m) for m in MODELS]
        return as_json({"data": data, "has_more": False, "first_id": data[0]["id"],
                        "last_id": data[-1]["id"]})
    if "/models/" in path and request.model in dict(MODELS):
        return as_json(model(request.model, dict(MODELS)[request.model]))
    return None


def model(name: str, shown: str) -> dict:
    return {"type": "model", "id": name, "display_name": shown,
            "created_at": "2025-10-01T00:00:00Z"}


class Message:
    def __init__(self, request, rule):
        self.body, self.rule = request.json, rule
        messages = self.body.get("messages") or []
        self.prompt, begun, self.text = mt.speech(
            rule, [(m.get("role") == "assistant", mt.flatten(m.get("content"))) for m in messages])
        self.seed = mt.digest("message", self.prompt, begun)[:24]
        tools = self.body.get("tools") or []
        forced = (self.body.get("tool_choice") or {}).get("type") in ("any", "tool")
        self.tool = tools[0] if tools and (rule.tools or forced) else None
        thinking = (self.body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
        self.thoughts = mt.thought_text(self.prompt) if rule.thoughts or thinking else None
        self.asked = sum(mt.count_tokens(mt.flatten(m.get("content"))) for m in messages)
        self.said = mt.count_tokens(self.text)
        self.stop = rule.finish or ("tool_use" if self.tool else "end_turn")

    def answer(self) -> Answer:
        if not self.body.get("stream"):
            whole = self._shell() | {"content": self._blocks(), "stop_reason": self.stop,
                                     "usage": self._usage(self.said)}
            return as_json(whole, self.prompt)
        return Answer(200, headers("text/event-stream; charset=utf-8", self.prompt), self._events(),
                      stream=True, end=1)

    def _shell(self) -> dict:
        return {"id": f"msg_{self.seed}", "type": "message", "role": "assistant",
                "model": self.body.get("model"), "content": [], "stop_reason": None,
                "stop_sequence": None}

    def _usage(self, said: int) -> dict:
        return {"input_tokens": self.asked, "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0, "output_tokens": said, "service_tier": "standard"}

    def _blocks(self) -> list[dict]:
        blocks = []
        if self.thoughts:
            blocks.append({"type": "thinking", "thinking": self.thoughts,
                           "signature": f"sig{self.seed}=="})
        if self.tool:
            blocks.append({"type": "tool_use", "id": f"toolu_{self.seed}",
                           "name": self.tool.get("name", "tool"),
                           "input": {"query": self.seed[:16]}})
        else:
            blocks.append({"type": "text", "text": self.text})
        return blocks

    def _events(self) -> list[bytes]:
        start = self._shell() | {"usage": self._usage(1)}
        events = [named("message_start", message=start)]
        for index, block in enumerate(self._blocks()):
            events += self._block_events(index, block)
            if index == 0:
                events.insert(2, named("ping"))
        delta = {"stop_reason": self.stop, "stop_sequence": None}
        events.append(named("message_delta", delta=delta, usage={"output_tokens": self.said}))
        return [*events, named("message_stop")]

    def _block_events(self, index: int, block: dict) -> list[bytes]:
        if block["type"] == "thinking":
            empty = block | {"thinking": "", "signature": ""}
            deltas = [{"type": "thinking_delta", "thinking": t}
                      for t in mt.split_text(block["thinking"], 5)]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        elif block["type"] == "tool_use":
            empty = block | {"input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": t}
                      for t in ["", *mt.split_text(json.dumps(block["input"]), 5)]]
        else:
            empty = block | {"text": ""}
            deltas = [{"type": "text_delta", "text": t}
                      for t in mt.split_text(block["text"], self.rule.deltas)]
        return [named("content_block_start", index=index, content_block=empty),
                *(named("content_block_delta", index=index, delta=d) for d in deltas),
                named("content_block_stop", index=index)]


def named(kind: str, **fields) -> bytes:
    return event({"type": kind, **fields}, kind)
