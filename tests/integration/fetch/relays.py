# What the tests of the fetch strategy within a real relay share: relays whose one upstream `raw` is
# reached by the strategies that a test names, and the lines that they log of each request.
from tests.fakes import certs
from tests.fakes.raw_client import Response, exchange
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.relay import Relay
from tests.integration.fetch.support import environment
from tests.integration.http.support import HttpCase, request
from tests.integration.life import settings

STRATEGIES = ("socket", "fetch")


class FetchCase(HttpCase):
    def by(self, strategies, *urls: str, more: tuple = (), env: dict | None = None,
           retry: dict | None = None, **spec) -> Relay:
        """`strategies`: a name or names; `spec`: further fields of the upstream; `more`: further
        documents. Nothing is retried unless `retry` says so. The environment names proxies that
        lead nowhere."""
        names = [strategies] if isinstance(strategies, str) else list(strategies)
        upstream = settings.upstream("raw", *urls, strategies=names,
                                     retry=retry or {"attempts": 1}, **spec)
        return Relay.for_test(
            self, {"SSL_CERT_FILE": certs.authority().ca_file, "CULVERT_WORKERS": "1",
                   **wrong_proxies(), **(env or {})},
            settings.resources(upstream, *more))

    def h2_upstream(self, script, certificate=None) -> RawUpstream:
        """`script` gets connections whose TLS agreed on h2 (see Http2Frames)."""
        context = (certificate or certs.server()).server_context(alpn=("h2",))
        upstream = RawUpstream(script, tls=context)
        self.addCleanup(upstream.close)
        return upstream

    def logged(self, relay: Relay, answer: Response) -> dict:
        of = answer.get("x-request-id")
        return relay.wait_for_log(lambda line: line["id"] == of)[0]

    def ask_raw(self, relay: Relay, path: str = "/a", method: str = "GET", fields: str = "",
                body: bytes = b"") -> Response:
        return exchange(relay.http, request(f"/raw{path}", method, fields, body), method=method)


def wrong_proxies() -> dict:
    return {name: value for name, value in environment().items() if "proxy" in name.lower()}
