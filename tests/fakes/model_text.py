# What the fake models say: text that follows from the prompt alone, so that a test can tell a whole
# answer from a short or mixed-up one. Pure. The vocabulary has two-, three- and four-byte UTF-8 in
# it, because a relay that splits or joins at the wrong byte shows it there.
import hashlib

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
