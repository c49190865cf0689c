# Reads a streamed OpenAI chat completion (server-sent events) and prints the answer as it arrives.
# up.sh pipes curl's output through it. Ends with 0 only for a whole answer, one that `[DONE]`
# closed: a stream that was cut must not look like one that worked. Anything but events is shown as
# it came.

import json
import sys


def answer_text(payload):
    """The text that one chunk adds, "" for chunks that carry none (role, usage, finish reason)."""
    choices = json.loads(payload).get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""


def main():
    unexpected = []
    for raw in sys.stdin.buffer:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data" and value == "[DONE]":
            print()
            return 0
        if field == "data":
            print(answer_text(value), end="", flush=True)
        elif line and field not in ("", "event", "id", "retry"):
            unexpected.append(line)
    print("\n".join(["", "The answer did not finish.", *unexpected]), file=sys.stderr)
    return 1


sys.exit(main())
