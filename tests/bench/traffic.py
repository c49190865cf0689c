# What clients send: the request of an SDK with what proxies and browsers in front of it would add,
# so that there is something to take out. The same for every contestant.
import json

TOKEN = "bench-relay-token-0123456789"
KEY = "sk-bench-0123456789abcdef0123456789abcdef"
MODEL = "bench-model"
PATH = "/v1/chat/completions"
BODY_BYTES = 1024

# What every contestant leaves out or writes anew on the way up.
IDENTIFYING = (
    ("User-Agent", "OpenAI/Python 2.8.1"),
    ("X-Stainless-Lang", "python"),
    ("X-Stainless-OS", "Linux"),
    ("X-Stainless-Runtime", "CPython"),
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Request-Id", "6f1c2c7e-8a52-4a0b-9d57-0d2b7c2f4a11"),
)
COMMON = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Content-Type", "application/json"),
)
HEADERS = (("Authorization", f"Bearer {TOKEN}"), *COMMON, *IDENTIFYING)

# What goes up, beside Host and framing: the relay's own order has no meaning to an upstream.
USER_AGENT = "culvert"


def chat(bench: str = "", size: int = BODY_BYTES, **more) -> bytes:
    """A chat of `size` bytes; `bench` tells the upstream how to answer (its README says)."""
    body = {"model": MODEL, **({"bench": bench} if bench else {}), **more,
            "messages": [{"role": "user", "content": ""}]}
    missing = size - len(json.dumps(body))
    body["messages"][0]["content"] = ("Tell me of canals. " * (missing // 19 + 1))[:max(missing, 0)]
    return json.dumps(body).encode()
