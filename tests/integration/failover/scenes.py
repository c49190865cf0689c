# Many requests through one real relay, each against upstreams, keys and a route of its own, so that
# none knows of another: written down first, run together, looked at when all is over. Owned by one
# test class or by table.py.
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.fakes import certs
from tests.fakes.raw_client import Response, exchange
from tests.fakes.relay import Relay
from tests.integration.failover.failing import Call, FailingUpstream, well
from tests.integration.failover.failures import Failure
from tests.integration.failover.policy import Request, Seen
from tests.integration.life import asking, settings
from tests.integration.life.settings import TOKEN

ATTEMPTS = 4  # the default
AT_ONCE = 24
REPLAY_KIB = 64
OWN_KEY = "sk-callers-own-0123456789"
BY_TOKEN = f"X-Culvert-Token: {TOKEN}\r\n"
# Where what is well is told by the same timer as what is not: more than a busy machine needs.
LONG = "1500ms"


def base(scene: str, number: int) -> str:
    """The path below which a target is for nobody else."""
    return f"{scene}-{number}"


@dataclass
class Scene:
    """One request. After Scenes.run(): what came of it."""

    name: str
    request: Request
    targets: list               # FailingUpstream and its like, in the order of Seen.calls
    upstreams: list[str]        # in the order of Seen.tries
    path: str = ""
    fields: str = BY_TOKEN
    answer: Response | None = None
    line: dict = field(default_factory=dict)
    seen: Seen | None = None

    @property
    def calls(self) -> list[Call]:
        """Wherever they came to, in their order."""
        return sorted((call for number in range(len(self.targets)) for call in self.at(number)),
                      key=lambda call: call.at_ns)

    def at(self, number: int) -> list[Call]:
        """At that target."""
        return [call for call in self.targets[number].calls
                if call.base == base(self.name, number)]

    def bytes(self) -> bytes:
        where = "/v1/models" if self.request.method == "GET" else "/v1/chat/completions"
        path = f"/{self.path or self.name}{where}"
        key = None if self.request.pool else OWN_KEY
        if self.request.method == "GET":
            return asking.get(path, key, self.fields)
        body = asking.chat("x" * (4 * REPLAY_KIB * 1024 if self.request.large else 1000))
        return asking.post(path, {**body, "stream": False}, key, self.fields)


class Scenes:
    """A context manager: the relay and the upstreams end with it."""

    def __init__(self, **relay):
        self.scenes: list[Scene] = []
        self._relay_spec = {"auth_tokens": [TOKEN], "workers": 2, "preset_auth": False,
                            "limits": {"replay_bytes": f"{REPLAY_KIB}KiB"}, **relay}
        self._documents: list[str] = []
        self._shared: dict[str, object] = {}
        self._own: list = []
        for name in ("server", "wrong_host", "expired", "untrusted"):
            getattr(certs, name)()  # made once, before threads ask for them
        self.well = FailingUpstream(well)
        self.relay: Relay | None = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.relay is not None:
            self.relay.close(failed=kind is not None)
        self.close_upstreams(check=False)

    # -- what there is

    def failing(self, failure: Failure):
        """One for all: it fails alike for everybody."""
        if failure.name not in self._shared:
            self._shared[failure.name] = failure.upstream()
        return self._shared[failure.name]

    def one_after_the_other(self, *scripts, tls: bool = False) -> FailingUpstream:
        self._own.append(FailingUpstream(*scripts, tls=tls))
        return self._own[-1]

    def upstream(self, name: str, *targets, pool: int = 0, strategies=("socket",), **spec) -> None:
        """`pool`: so many keys of its own."""
        retry = {"backoff": "1ms", **spec.pop("retry", {})}
        health_check = spec.pop("health_check", {"off": True})
        self._documents.append(settings.upstream(
            name, *targets, dialect="openai", strategies=list(strategies), retry=retry,
            tls={"ca_file": certs.authority().ca_file}, health_check=health_check, **spec))
        if pool:
            self._documents.append(settings.pool(
                name, [f"sk-{name}-{n}-0123456789" for n in range(pool)], probe_off=True))

    def route(self, name: str, to: str, *fallback: dict, **spec) -> None:
        match = {"path_prefix": f"/{name}"}
        self._documents.append(settings.route(
            name, to, match=match, rewrite_prefix="", **spec,
            **({"fallback": list(fallback)} if fallback else {})))

    def add(self, request: Request, targets: list, upstreams: list[str], path: str = "",
            fields: str = BY_TOKEN) -> Scene:
        name = f"s{len(self.scenes)}"
        self.scenes.append(Scene(name, request, targets, upstreams, path, fields))
        return self.scenes[-1]

    # -- the scenes of the table

    def alone(self, failure: Failure, request: Request) -> Scene:
        """(a) One upstream with one target."""
        name = f"s{len(self.scenes)}"
        target = self.failing(failure)
        self.upstream(name, f"{target.url}/{base(name, 0)}", pool=int(request.pool),
                      timeouts=failure.timeouts)
        self.route(name, name)
        return self.add(request, [target], [name])

    def two_targets(self, failure: Failure, request: Request) -> Scene:
        """(b) The failing one is chosen first, because it has nearly all of the weight."""
        name = f"s{len(self.scenes)}"
        target = self.failing(failure)
        self.upstream(name, {"url": f"{target.url}/{base(name, 0)}", "weight": 1_000_000},
                      f"{self.well.url}/{base(name, 1)}",
                      timeouts=dict.fromkeys(failure.timeouts, LONG))
        self.route(name, name)
        return self.add(request, [target, self.well], [name])

    def in_turn(self, failures: list[Failure], request: Request) -> Scene:
        """(c) A route that falls back to other upstreams, each with its own pool and model."""
        name = f"s{len(self.scenes)}"
        targets = [*(self.failing(failure) for failure in failures), self.well]
        upstreams = [base(name, number) for number in range(len(targets))]
        for number, target in enumerate(targets):
            timeouts = failures[number].timeouts if number < len(failures) else {}
            self.upstream(upstreams[number], f"{target.url}/{base(name, number)}",
                          pool=int(request.pool), timeouts=timeouts)
        self.route(name, upstreams[0], *({"upstream": one, "model": f"model-of-{one}"}
                                         for one in upstreams[1:]))
        return self.add(request, targets, upstreams)

    def at_one_target(self, failures: list[Failure], request: Request,
                      strategies=("socket",)) -> Scene:
        name = f"s{len(self.scenes)}"
        timeouts = dict.fromkeys((t for f in failures for t in f.timeouts), LONG)
        target = self.one_after_the_other(*(failure.script for failure in failures), well,
                                          tls=any(failure.tls for failure in failures))
        self.upstream(name, f"{target.url}/{base(name, 0)}", strategies=strategies,
                      timeouts=timeouts)
        self.route(name, name)
        return self.add(request, [target], [name])

    # -- what happens

    def start(self) -> Relay:
        self.relay = Relay({"CULVERT_WORKERS": "2"}, config=settings.resources(
            settings.relay(**self._relay_spec), *self._documents))
        return self.relay

    def run(self) -> None:
        """All of them; afterwards each knows what was seen of it."""
        relay = self.start()
        with ThreadPoolExecutor(AT_ONCE) as clients:
            answers = clients.map(lambda scene: exchange(relay.http, scene.bytes()), self.scenes)
            for scene, answer in zip(self.scenes, answers):
                scene.answer = answer
        lines = {line["id"]: line for line in relay.wait_for_log(count=len(self.scenes))}
        tried: dict[str, int] = {}
        for labels, value in relay.metrics().all("culvert_upstream_attempts_total"):
            tried[labels["upstream"]] = tried.get(labels["upstream"], 0) + int(value)
        self.close_upstreams(check=True)  # what they wrote down is whole then
        for scene in self.scenes:
            scene.line = lines[scene.answer.get("x-request-id")]
            scene.seen = self._seen(scene, tried)

    def _seen(self, scene: Scene, tried: dict[str, int]) -> Seen:
        answer = scene.answer
        calls = tuple(len(scene.at(number)) for number in range(len(scene.targets)))
        return Seen(answer.status, answer.get("x-proxy-stage"), answer.complete,
                    answer.get("x-proxy-error") is None,
                    tuple(tried.get(upstream, 0) for upstream in scene.upstreams), calls)

    def close_upstreams(self, check: bool) -> None:
        every = [self.well, *self._shared.values(), *self._own]
        closing = [threading.Thread(target=one.close, kwargs={"check": False}) for one in every]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        wrong = [failure for one in every for failure in getattr(one, "failures", ())]
        if check and wrong:
            raise AssertionError("an upstream's script failed") from wrong[0]


def taken_twice(scene: Scene) -> list[Call]:
    """Calls of one request that may have been acted upon and were followed by another one. Empty
    is well, for what is not idempotent."""
    return [call for call in scene.calls[:-1] if call.may_have_acted]


def model_of(call: Call) -> str | None:
    return json.loads(call.body).get("model") if call.body else None
