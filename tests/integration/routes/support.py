# What these tests share: one model server whose base paths are the upstreams, so that its record
# says where each request went and in which order.
import unittest
from collections import Counter

from tests.fakes.models import Models
from tests.fakes.raw_client import exchange
from tests.fakes.relay import Relay
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
PATH = "/r/chat/completions"


def keys(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"sk-{name}-{n:03}-{'0123456789' * 2}-{n:03}end" for n in range(count))


def route(to, name: str = "r", **spec) -> str:
    """`to`: destinations as the configuration has them."""
    return settings.document("Route", name, {"match": {"path_prefix": f"/{name}"},
                                             "rewrite_prefix": "/v1", "to": to, **spec})


class Routed(unittest.TestCase):
    def setUp(self):
        self.models = self.enterContext(Models())

    def forget(self) -> None:
        """What the upstreams saw so far, which is over."""
        self.models.wait(ended=len(self.models.requests()))
        self.models.reset()

    def base(self, name: str) -> str:
        return f"{self.models.url}/{name}"

    def upstream(self, name: str, **spec) -> str:
        return settings.upstream(name, self.base(name), dialect="openai", **spec)

    def relay(self, *documents: str, tokens=(TOKEN,), workers: int = 1) -> Relay:
        return Relay.for_test(self, config=settings.resources(
            settings.relay(auth_tokens=list(tokens), workers=workers), *documents))

    def ask(self, relay: Relay, prompt: str = "hello", fields: str = BY_TOKEN, path: str = PATH):
        return exchange(relay.http, asking.post(path, asking.chat(prompt, stream=False), None,
                                                fields))

    def seen(self) -> list[dict]:
        return self.models.requests()

    def went(self) -> list[str]:
        return [one["path"].split("/")[1] for one in self.seen()]

    def used(self) -> Counter:
        return Counter(one["key"] for one in self.seen())
