# The OpenAI dialect of the model server: chat completions, legacy completions, embeddings, models,
# responses, with the event sequences, ids, usage and headers of the real service
# (platform.openai.com/docs/api-reference). Pure: a request and a rule in, an Answer out.
import base64
import json
import struct

from tests.fakes import model_text as mt
from tests.fakes.sender import Answer

MODELS = ("gpt-5.5", "gpt-5.4-mini", "gpt-6-sol", "text-embedding-3-small")
FINGERPRINT = "fp_culvertfake01"


def headers(content_type: str, seed: str) -> list:
    """Cookies and edge headers are there because the real service sends them and a relay must deal
    with them."""
    return [("Content-Type", content_type), ("openai-organization", "org-fake"),
            ("openai-processing-ms", "42"), ("openai-version", "2020-10-01"),
            ("x-ratelimit-limit-requests", "10000"), ("x-ratelimit-limit-tokens", "200000"),
            ("x-ratelimit-remaining-requests", "9999"), ("x-ratelimit-remaining-tokens", "199950"),
            ("x-ratelimit-reset-requests", "6ms"), ("x-ratelimit-reset-tokens", "15ms"),
            ("x-request-id", f"req_{mt.digest('request', seed)[:32]}"),
            ("Set-Cookie", "__cf_bm=fake; path=/; HttpOnly; Secure"), ("Server", "cloudflare")]


def as_json(value, seed: str = "") -> Answer:
    return Answer(200, headers("application/json", seed), [json.dumps(value).encode()])


def event(value, name: str | None = None) -> bytes:
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {line}\n\n".encode()


def stream(pieces: list, end: int, seed: str) -> Answer:
    return Answer(200, headers("text/event-stream; charset=utf-8", seed), pieces, True, end)


def answer(request, rule) -> Answer | None:
    """None where the path is none of this dialect. Responses have a module of their own."""
    path = request.path
    if path.endswith("/chat/completions"):
        return Chat(request, rule).answer()
    if path.endswith("/completions"):
        return completions(request, rule)
    if path.endswith("/embeddings"):
        return embeddings(request)
    if path.endswith("/models"):
        return as_json({"object": "list", "data": [model(name) for name in MODELS]})
    if "/models/" in path and ":" not in path:
        return as_json(model(request.model)) if request.model in MODELS else None
    return None


def model(name: str) -> dict:
    return {"id": name, "object": "model", "created": mt.CREATED, "owned_by": "system"}


def wanted_tool(request, rule) -> dict | None:
    """The tool that the model calls: the first one offered, where the client forces one or the rule
    says so."""
    tools = request.json.get("tools") or []
    forced = request.json.get("tool_choice") not in (None, "auto", "none")
    return tools[0].get("function", tools[0]) if tools and (rule.tools or forced) else None


class Chat:
    def __init__(self, request, rule):
        body = request.json
        self.request, self.rule, self.body = request, rule, body
        messages = body.get("messages") or []
        self.prompt, begun, self.text = mt.speech(
            rule, [(m.get("role") == "assistant", mt.flatten(m.get("content"))) for m in messages])
        self.tool = wanted_tool(request, rule)
        self.id = f"chatcmpl-{mt.digest('chat', self.prompt, begun)[:29]}"
        self.finish = rule.finish or ("tool_calls" if self.tool else "stop")
        asked = sum(mt.count_tokens(mt.flatten(m.get("content"))) for m in messages)
        said = mt.count_tokens(self.text)
        thought = mt.count_tokens(mt.thought_text(self.prompt)) if rule.thoughts else 0
        self.usage = {"prompt_tokens": asked, "completion_tokens": said + thought,
                      "total_tokens": asked + said + thought,
                      "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                      "completion_tokens_details": {
                          "reasoning_tokens": thought, "audio_tokens": 0,
                          "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}

    def answer(self) -> Answer:
        return self._streamed() if self.body.get("stream") else as_json(self._whole(), self.prompt)

    def _call(self) -> dict:
        arguments = json.dumps({"query": mt.digest("call", self.prompt)[:16]})
        return {"id": f"call_{mt.digest('call', self.prompt)[:24]}", "type": "function",
                "function": {"name": self.tool.get("name", "tool"), "arguments": arguments}}

    def _whole(self) -> dict:
        message = {"role": "assistant", "content": None if self.tool else self.text,
                   "refusal": None, "annotations": []}
        if self.tool:
            message["tool_calls"] = [self._call()]
        if self.rule.thoughts:
            message["reasoning_content"] = mt.thought_text(self.prompt)
        choices = [{"index": n, "message": message, "logprobs": None, "finish_reason": self.finish}
                   for n in range(self.body.get("n") or 1)]
        return {"id": self.id, "object": "chat.completion", "created": mt.CREATED,
                "model": self.body.get("model"), "choices": choices, "usage": self.usage,
                "service_tier": "default", "system_fingerprint": FINGERPRINT}

    def _deltas(self) -> list[dict]:
        deltas = [{"role": "assistant", "content": None if self.tool else "", "refusal": None}]
        if self.rule.thoughts:
            deltas += [{"reasoning_content": t}
                       for t in mt.split_text(mt.thought_text(self.prompt), 5)]
        if not self.tool:
            return deltas + [{"content": t} for t in mt.split_text(self.text, self.rule.deltas)]
        call = self._call()
        arguments = call["function"]["arguments"]
        call["function"] = call["function"] | {"arguments": ""}
        deltas.append({"tool_calls": [{"index": 0, **call}]})
        return deltas + [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
                         for part in mt.split_text(arguments, 5)]

    def _streamed(self) -> Answer:
        include = (self.body.get("stream_options") or {}).get("include_usage")
        base = {"id": self.id, "object": "chat.completion.chunk", "created": mt.CREATED,
                "model": self.body.get("model"), "service_tier": "default",
                "system_fingerprint": FINGERPRINT}
        extra = {"usage": None} if include else {}
        count = range(self.body.get("n") or 1)
        pieces = [event(base | {"choices": [{"index": n, "delta": delta, "logprobs": None,
                                             "finish_reason": None}]} | extra)
                  for delta in self._deltas() for n in count]
        pieces += [event(base | {"choices": [{"index": n, "delta": {}, "logprobs": None,
                                              "finish_reason": self.finish}]} | extra)
                   for n in count]
        if include:
            pieces.append(event(base | {"choices": [], "usage": self.usage}))
        return stream([*pieces, b"data: [DONE]\n\n"], 1, self.prompt)


def completions(request, rule) -> Answer:
    body = request.json
    prompt = mt.flatten(body.get("prompt"))
    text = rule.text if rule.text is not None else mt.answer_text(prompt)
    base = {"id": f"cmpl-{mt.digest('cmpl', prompt)[:29]}", "object": "text_completion",
            "created": mt.CREATED, "model": body.get("model")}
    usage = {"prompt_tokens": mt.count_tokens(prompt), "completion_tokens": mt.count_tokens(text),
             "total_tokens": mt.count_tokens(prompt) + mt.count_tokens(text)}

    def choice(part, finish):
        return {"text": part, "index": 0, "logprobs": None, "finish_reason": finish}

    if not body.get("stream"):
        return as_json(base | {"choices": [choice(text, "stop")], "usage": usage}, prompt)
    pieces = [event(base | {"choices": [choice(part, None)]})
              for part in mt.split_text(text, rule.deltas)]
    pieces.append(event(base | {"choices": [choice("", "stop")]}))
    if (body.get("stream_options") or {}).get("include_usage"):
        pieces.append(event(base | {"choices": [], "usage": usage}))
    return stream([*pieces, b"data: [DONE]\n\n"], 1, prompt)


def embeddings(request) -> Answer:
    body = request.json
    inputs = body.get("input")
    inputs = inputs if isinstance(inputs, list) else [inputs]
    data = []
    for n, text in enumerate(inputs):
        values = mt.vector(str(text), body.get("dimensions") or 64)
        if body.get("encoding_format") == "base64":
            values = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
        data.append({"object": "embedding", "index": n, "embedding": values})
    tokens = sum(mt.count_tokens(str(text)) for text in inputs)
    return as_json({"object": "list", "data": data, "model": body.get("model"),
                    "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}, str(inputs))
