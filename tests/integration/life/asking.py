# What clients of these tests say: requests of each dialect as exact bytes, and what comes back as
# events. Pure. Not a client library, because these tests are about the bytes.
import json

KEY = "sk-caller-0123456789abcdef"
CHAT = "/openai/v1/chat/completions"
RESPONSES = "/openai/v1/responses"
MESSAGES = "/anthropic/v1/messages"
GEMINI = "/gemini/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
GEMINI_WHOLE = "/gemini/v1beta/models/gemini-3.8-flash:generateContent"
CREDENTIAL = {"openai": "Authorization: Bearer ", "anthropic": "x-api-key: ",
              "gemini": "x-goog-api-key: "}


def chat(prompt: str = "hello", stream: bool = True, **more) -> dict:
    """Also what Anthropic's messages take."""
    return {"model": "gpt-6-sol", "stream": stream, "max_tokens": 64, **more,
            "messages": [{"role": "user", "content": prompt}]}


def gemini(prompt: str = "hello") -> dict:
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}


def credential(path: str, key: str | None) -> str:
    dialect = path.split("/")[1]
    return f"{CREDENTIAL.get(dialect, CREDENTIAL['openai'])}{key}\r\n" if key else ""


def post(path: str = CHAT, body=None, key: str | None = KEY, fields: str = "",
         version: str = "1.1", host: str = "relay.test") -> bytes:
    """`body`: an object to be sent as JSON, or bytes; `fields`: whole lines, each with its
    CRLF."""
    if body is None:
        body = gemini() if path.startswith("/gemini") else chat()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"POST {path} HTTP/{version}\r\nHost: {host}\r\n{credential(path, key)}{fields}"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            ).encode() + data


def get(path: str, key: str | None = KEY, fields: str = "", host: str = "relay.test",
        method: str = "GET") -> bytes:
    return (f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{credential(path, key)}{fields}\r\n"
            ).encode()


def data_lines(body: bytes) -> list[str]:
    return [line[5:].strip() for line in body.decode().splitlines() if line.startswith("data:")]
