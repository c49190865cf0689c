# What the fake models say: text that follows from the prompt alone, so that a test can tell a whole
# answer from a short or mixed-up one. Pure. The vocabulary has two-, three- and four-byte UTF-8 in
# it, because a relay that splits or joins at the wrong byte shows it there.
import hashlib
from typing import NamedTuple

WORDS = ("the", "relay", "carries", "every", "byte", "façade", "naïve", "流", "数据",
         "ありがとう", "спасибо", "🙂", "🚀", "stream", "of", "tokens", "never", "short", "again", "and",
         "quote\"", "back\\slash", "line\nbreak", "— dash")
DELTAS = 20
CREATED = 1_760_000_000  # one moment for all: answers differ by their prompt alone


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def answer_text(prompt: str) -> str:
    """A short echo of the prompt, then forty words chosen by its hash."""
    numbers = bytes.fromhex(digest("words", prompt) + digest("more", prompt))
    words = [WORDS[n % len(WORDS)] for n in numbers[:40]]
    return f"You said: {prompt[:80]}. " + " ".join(words) + "."


class Speech(NamedTuple):
    """`prompt`: what is answered; `said`: the beginning of the answer that the request shows;
    `text`: what is said now."""

    prompt: str
    said: str
    text: str


def speech(rule, turns: list[tuple[bool, str]]) -> Speech:
    """What a model says to these turns: (whether it is the model's own, text)."""
    own = [n for n, (by_model, _) in enumerate(turns) if by_model] if rule.goes_on else []
    said, asked = (turns[own[-1]][1], turns[:own[-1]]) if own else ("", turns)
    prompt = asked[-1][1] if asked else ""
    text = rule.text if rule.text is not None else answer_text(prompt)
    return Speech(prompt, said, goes_on(rule.goes_on, said, text) if said else text)


def goes_on(manner: str, said: str, text: str) -> str:
    """How a model that said `said` of `text` goes on, in the manner of Rule.goes_on."""
    if not text.startswith(said):
        return f"[I never said {said!r}]"
    rest = text[len(said):]
    if manner == "repeats":
        return (said[-20:] if len(said) >= 8 else "") + rest
    if manner == "restarts":
        begin = max(said.rfind(end) + len(end) if end in said else 0 for end in (". ", "。", "! "))
        return (said[begin:] if len(said) - begin >= 8 else "") + rest
    return rest


def thought_text(prompt: str) -> str:
    return f"I think about {digest('thought', prompt)[:12]} before I speak."


def split_text(text: str, count: int | None) -> list[str]:
    """The text in `count` pieces (fewer where it is too short), none empty."""
    count = max(1, min(count or DELTAS, len(text) or 1))
    cuts = [len(text) * n // count for n in range(count + 1)]
    return [text[a:b] for a, b in zip(cuts, cuts[1:]) if b > a]


def count_tokens(text: str) -> int:
    return max(1, (len(text.encode("utf-8", "replace")) + 3) // 4)


def flatten(content) -> str:
    """The text in a message's content: a string, or parts with text in any vendor's form."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(flatten(part) for part in content)
    if isinstance(content, dict):
        for name in ("text", "content", "parts"):
            if name in content:
                return flatten(content[name])
    return ""


def vector(text: str, size: int) -> list[float]:
    """An embedding that follows from the text."""
    seed = bytes.fromhex(digest("vector", text))
    return [round((seed[n % 32] ^ (n * 7 & 255)) / 255 - 0.5, 6) for n in range(size)]
