# The Gemini dialect of the model server: generateContent, streamGenerateContent (SSE and JSON
# array), countTokens, embedContent, batchEmbedContents, models, as ai.google.dev/api describes
# them; SSE lines end in CRLF, as Google's do. Pure.
import json

from tests.fakes import model_text as mt
from tests.fakes.sender import Answer

MODELS = ("gemini-3-pro", "gemini-2.5-pro", "gemini-3.8-flash", "gemini-embedding-001")


def headers(content_type: str) -> list:
    return [("Content-Type", content_type), ("Vary", "Origin"), ("Vary", "X-Origin"),
            ("Vary", "Referer"), ("Server", "scaffolding on HTTPServer2"),
            ("X-XSS-Protection", "0"), ("X-Frame-Options", "SAMEORIGIN"),
            ("X-Content-Type-Options", "nosniff"),
            ("Server-Timing", "gfet4t7; dur=42"), ("Alt-Svc", 'h3=":443"; ma=2592000')]


def as_json(value) -> Answer:
    return Answer(200, headers("application/json; charset=UTF-8"),
                  [json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"])


def answer(request, rule) -> Answer | None:
    """None where the path is none of this dialect."""
    _, _, method = request.path.rpartition("/")[2].partition(":")
    if method in ("generateContent", "streamGenerateContent"):
        return Content(request, rule).answer(method)
    if method == "countTokens":
        count = mt.count_tokens(Content(request, rule).prompt)
        return as_json({"totalTokens": count,
                        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": count}]})
    if method == "embedContent":
        return as_json({"embedding": embedding(request.json)})
    if method == "batchEmbedContents":
        wanted = request.json.get("requests") or []
        return as_json({"embeddings": [embedding(one) for one in wanted]})
    if request.path.endswith("/models"):
        return as_json({"models": [model(name) for name in MODELS]})
    if "/models/" in request.path and not method and request.model in MODELS:
        return as_json(model(request.model))
    return None


def model(name: str) -> dict:
    return {"name": f"models/{name}", "baseModelId": name, "version": "001", "displayName": name,
            "description": "A fake model", "inputTokenLimit": 1048576, "outputTokenLimit": 65536,
            "supportedGenerationMethods": ["generateContent", "countTokens"], "temperature": 1,
            "topP": 0.95, "topK": 64}


def embedding(one: dict) -> dict:
    size = one.get("outputDimensionality") or 64
    return {"values": mt.vector(mt.flatten(one.get("content")), size)}


class Content:
    def __init__(self, request, rule):
        self.request, self.rule, body = request, rule, request.json
        contents = body.get("contents") or []
        self.prompt, self.said, self.text = mt.speech(
            rule, [(turn.get("role") == "model", mt.flatten(turn)) for turn in contents])
        declared = [f for tool in body.get("tools") or []
                    for f in tool.get("functionDeclarations", [])]
        config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        forced = rule.tools or config.get("mode") == "ANY"
        self.tool = declared[0] if declared and forced else None
        thinking = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
        thinks = rule.thoughts or thinking.get("includeThoughts")
        self.thoughts = mt.thought_text(self.prompt) if thinks else None
        self.asked = mt.count_tokens(" ".join(mt.flatten(c) for c in contents))
        self.finish = rule.finish or "STOP"

    def answer(self, method: str) -> Answer:
        if method == "generateContent":
            return as_json(self._response(self._parts(), self.finish))
        events = self._events()
        if self.request.query.get("alt") == "sse":
            pieces = [f"data: {json.dumps(e, ensure_ascii=False)}\r\n\r\n".encode() for e in events]
            fields = [*headers("text/event-stream"), ("Content-Disposition", "attachment")]
            return Answer(200, fields, pieces, stream=True, end=1)
        texts = [json.dumps(e, indent=2, ensure_ascii=False).encode() for e in events]
        pieces = [(b"[" if n == 0 else b",\r\n") + text for n, text in enumerate(texts)]
        return Answer(200, headers("application/json; charset=UTF-8"), [*pieces, b"\n]\n"],
                      stream=True, end=1)

    def _parts(self) -> list[dict]:
        parts = [{"text": self.thoughts, "thought": True}] if self.thoughts else []
        return [*parts, self._call() if self.tool else {"text": self.text}]

    def _call(self) -> dict:
        return {"functionCall": {"name": self.tool.get("name", "tool"),
                                 "args": {"query": mt.digest("call", self.prompt)[:16]}},
                "thoughtSignature": "c2lnbmF0dXJl"}

    def _response(self, parts: list, finish: str | None, said: int | None = None) -> dict:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate = {"content": candidate["content"], "finishReason": finish, "index": 0}
        said = mt.count_tokens(self.text) if said is None else said
        thought = mt.count_tokens(self.thoughts) if self.thoughts else 0
        usage = {"promptTokenCount": self.asked, "candidatesTokenCount": said,
                 "totalTokenCount": self.asked + said + thought,
                 "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self.asked}]}
        if thought:
            usage["thoughtsTokenCount"] = thought
        return {"candidates": [candidate], "usageMetadata": usage,
                "modelVersion": self.request.model,
                "responseId": mt.digest("response", self.prompt, self.said)[:22]}

    def _events(self) -> list[dict]:
        """The last event carries the finish reason, and the last of the text where there is
        text."""
        events = []
        if self.thoughts:
            events += [self._response([{"text": t, "thought": True}], None, 0)
                       for t in mt.split_text(self.thoughts, 5)]
        if self.tool:
            return [*events, self._response([self._call()], self.finish)]
        texts, said = mt.split_text(self.text, self.rule.deltas), 0
        for text in texts[:-1]:
            said += mt.count_tokens(text)
            events.append(self._response([{"text": text}], None, said))
        return [*events, self._response([{"text": t} for t in texts[-1:]], self.finish)]
