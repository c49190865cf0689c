# What the tests of a fleet share: a service, relays that have joined it, the model server as the
# upstream `house`, and a client's requests through a relay.
import http.client
import json
import unittest

from tests.fakes.control import Control
from tests.fakes.models import Models

KEY = "sk-house-0123456789abcdefghij"


def house(models: Models, keys=(KEY,), pool: str = "house") -> str:
    return f"""kind: Upstream
name: house
spec:
  dialect: openai
  targets: [{{url: "{models.url}"}}]
---
kind: KeyPool
name: {pool}
spec:
  upstream: house
  keys: {json.dumps(list(keys))}
"""


def route(name: str, prefix: str, upstream: str = "house") -> str:
    return f"""---
kind: Route
name: {name}
spec:
  match: {{path_prefix: "{prefix}"}}
  rewrite_prefix: ""
  to: [{{upstream: {upstream}}}]
"""


def ask(relay, path: str, token: str | None, body: dict | None = None) -> tuple[int, bytes]:
    """POST to a relay's plain listener: status and body; a broken connection raises OSError."""
    link = http.client.HTTPConnection(relay.http, timeout=60)
    try:
        text = json.dumps(body or {"model": "m", "messages": [{"role": "user", "content": "hi"}]})
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        link.request("POST", path, text, headers)
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


class FleetCase(unittest.TestCase):
    """`self.models`, `self.control` and, by join(), relays."""

    def setUp(self):
        self.models = self.enterContext(Models(keys=[KEY]))
        self.control = self.service()

    def service(self) -> Control:
        return Control.for_test(self)

    def join(self, *names: str, regions=("eu-west",), **more):
        relays = [self.control.join(name, regions[i % len(regions)], **more)
                  for i, name in enumerate(names)]
        for relay in relays:
            self.addCleanup(relay.close)
        return relays

    def client_token(self, tenant: str = "acme") -> str:
        return self.control.ask("token", "create", "app", "--tenant", tenant)["secret"]

    def statuses(self) -> dict:
        return {relay["name"]: relay for relay in self.control.ask("relay", "list")["relays"]}

    def wait_until_served(self, relays, path: str, token: str, status: int = 200) -> None:
        for relay in relays:
            self.control.wait_for(lambda: ask(relay, path, token)[0], lambda got: got == status)
