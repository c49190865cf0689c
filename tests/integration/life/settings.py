# Configuration files of these tests: resources as Python values, written as the YAML that the relay
# reads (JSON is YAML). Pure.
import json

TOKEN = "token-of-a-test-0123456789"


def document(kind: str, name: str, spec: dict) -> str:
    lines = "".join(f"  {field}: {json.dumps(value)}\n" for field, value in spec.items())
    return f"kind: {kind}\nname: {name}\nspec:" + (f"\n{lines}" if spec else " {}\n")


def relay(**spec) -> str:
    return document("Relay", "relay", spec)


def upstream(name: str, *urls: str, **spec) -> str:
    targets = [url if isinstance(url, dict) else {"url": url} for url in urls]
    return document("Upstream", name, {"targets": targets, **spec})


def pool(name: str, keys, **spec) -> str:
    """Of the upstream with the same name."""
    return document("KeyPool", f"{name}-keys", {"upstream": name, "keys": list(keys), **spec})


def route(name: str, to, **spec) -> str:
    """`to`: an upstream's name, or names with weights."""
    destinations = ([{"upstream": to}] if isinstance(to, str) else
                    [{"upstream": n, "weight": w} for n, w in to.items()])
    return document("Route", name, {"to": destinations, **spec})


def resources(*documents: str) -> str:
    return "---\n".join(documents)


def masked(key: str) -> str:
    return f"{key[:4]}…{key[-4:]}"
