#!/usr/bin/env python3
# A model server for tests and for the demonstration: OpenAI's, Anthropic's and Gemini's APIs as
# their own SDKs know them, over HTTP/1.1 and TLS written byte by byte, with every fault that a rule
# asks for (rules.py) and a record of all it saw (records.py). One event loop, one task per
# connection. Not a framework's server, because no framework sends what a broken server sends. Never
# part of a product.
import argparse
import asyncio
import json
import os
import pathlib
import resource
import signal
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.fakes import vendors  # noqa: E402 - the path is set above, for use as a program
from tests.fakes.control_api import PREFIX, ControlApi, as_json  # noqa: E402
from tests.fakes.gate import Gate  # noqa: E402
from tests.fakes.http_request import BadRequest, read_body, read_head  # noqa: E402
from tests.fakes.openai_responses import Stored  # noqa: E402
from tests.fakes.records import Book  # noqa: E402
from tests.fakes.rules import BadRule, Rule, Rules  # noqa: E402
from tests.fakes.sender import Cut, Sender  # noqa: E402
from tests.fakes.wire import ClientLeft, Wire  # noqa: E402

BACKLOG = 8192


class Ending(Cut):
    """The answer is whole; only the connection ends without having been announced."""


class ModelServer:
    def __init__(self, keys: set, rules: Rules):
        self.keys, self.rules = keys, rules
        self.book, self.gate, self.stored = Book(), Gate(), Stored()
        self.control = ControlApi(self.rules, self.book, self.gate)

    # -- a connection's life

    async def serve(self, wire: Wire) -> None:
        """Model traffic. A connection whose first request is for /__fake/ leaves no trace in the
        book."""
        connection = self.book.open_connection(wire)
        try:
            await self._accept(wire)
            await wire.handshake()
            while await self._one_request(wire, connection):
                pass
            await wire.end("fin")
        except ClientLeft:
            wire.transport.close()
        except ssl.SSLError as error:
            connection.detail = f"tls: {error.reason or error}"
            wire.transport.close()
        except Cut as cut:
            await wire.end(cut.args[0] if cut.args else "fin")
        finally:
            connection.over = True
            self.book.wake()

    async def serve_control(self, wire: Wire) -> None:
        try:
            while True:
                request = await read_head(wire)
                await read_body(wire, request)
                await Sender(wire, Rule(), self.gate, Unrecorded()).send(
                    await self.control.answer(request), request.method)
        except (ClientLeft, BadRequest):
            wire.transport.close()

    async def _accept(self, wire: Wire) -> None:
        rule = self.rules.for_accept()
        if rule.delay_ms:
            await wire.pause(rule.delay_ms / 1000)
        if rule.stalls_at("accept"):
            await wire.until(self.gate)
        if rule.cut is not None:
            raise Cut(rule.cut.get("how", "fin"))

    async def _one_request(self, wire: Wire, connection) -> bool:
        """False: no further request on this connection."""
        try:
            request = await read_head(wire)
        except BadRequest as error:
            connection.detail = str(error)
            await wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                            b"Connection: close\r\n\r\n")
            return False
        if request.path.startswith(PREFIX):
            await read_body(wire, request)
            await Sender(wire, Rule(), self.gate, Unrecorded()).send(
                await self.control.answer(request), request.method)
            if connection in self.book.connections:
                self.book.connections.remove(connection)
            return True
        exchange = self.book.open_exchange(connection, request)
        try:
            return await self._answer(wire, connection, exchange)
        except ClientLeft as left:
            exchange.set_state("aborted", str(left))
            raise
        except Ending:
            raise
        except Cut:
            exchange.set_state("cut")
            raise
        except BadRequest as error:
            exchange.set_state("cut", str(error))
            return False

    async def _answer(self, wire: Wire, connection, exchange) -> bool:
        request = exchange.request
        reused = len(connection.exchanges) > 1
        if any(r.stream is not None or r.model is not None for r in self.rules.all):
            await read_body(wire, request)  # these rules look into it
        try:
            own = request.get("x-fake")
            rule = Rule.of(json.loads(own)) if own else self.rules.for_request(request, reused)
        except (ValueError, TypeError, BadRule) as error:
            exchange.set_state("complete", str(error))
            await Sender(wire, Rule(connection_close=True), self.gate, Unrecorded()).send(
                as_json({"error": f"x-fake: {error}"}, 400), request.method)
            return False
        how = (rule.cut or {}).get("how", "fin")
        sender = Sender(wire, rule, self.gate, exchange)
        try:
            await self._read(wire, rule, sender, request)
            answer = vendors.answer(request, rule, self.keys, self.stored)
            exchange.status = answer.status
            if rule.delay_ms:
                await wire.pause(rule.delay_ms / 1000)
            if rule.stalls_at("head"):
                await sender.stand()
            await sender.send(answer, request.method)
        except Cut:
            raise Cut(how) from None
        exchange.set_state("complete")
        if rule.after_answer:
            raise Ending(rule.after_answer)
        if not request.body_read:
            sender.keep_alive = False
        wishes = (request.get("connection") or "").lower()
        return sender.keep_alive and "close" not in wishes and request.version != "HTTP/1.0"

    async def _read(self, wire: Wire, rule: Rule, sender: Sender, request) -> None:
        if rule.stalls_at("request"):
            wire.stop_reading(True)
            try:
                await sender.stand()
            finally:
                wire.stop_reading(False)
        if rule.read_body == "none" or request.body_read:
            return
        if not isinstance(rule.read_body, dict):
            return await read_body(wire, request)

        async def slowly(_):
            wire.stop_reading(True)
            try:
                await wire.pause(rule.read_body.get("pause_ms", 10) / 1000)
            finally:
                wire.stop_reading(False)

        await read_body(wire, request, slowly)


class Unrecorded:
    """Stands where an Exchange stands, for what is not written down."""

    sent = body_sent = 0

    def note_sent(self, count: int, body: bool) -> None:
        self.sent += count

    def set_state(self, state: str, detail: str = "") -> None:
        pass


# -- the program

def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="A model server for tests. Prints one JSON line when ready.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="plain HTTP, for /__fake/ only")
    parser.add_argument("--cert", help="PEM chain; with --key the server speaks TLS")
    parser.add_argument("--key")
    parser.add_argument("--tls", choices=("1.2", "1.3"), help="only this version")
    parser.add_argument("--keys", default="", help="comma-separated: the only credentials taken")
    parser.add_argument("--behave", default="[]", help="rules as JSON")
    parser.add_argument("--with-parent", action="store_true", help="ends when its parent is gone")
    return parser.parse_args()


def tls_context(args: argparse.Namespace) -> ssl.SSLContext | None:
    if not args.cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if args.tls:
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[args.tls]
        context.minimum_version = context.maximum_version = version
    context.load_cert_chain(args.cert, args.key)
    context.set_alpn_protocols(["http/1.1"])
    context.sni_callback = lambda tls, name, _: setattr(tls, "name_seen", name)
    return context


def raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def address(server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def run(args: argparse.Namespace) -> None:
    raise_descriptor_limit()
    rules = Rules()
    rules.add(json.loads(args.behave))
    models = ModelServer({k for k in args.keys.split(",") if k}, rules)
    context, loop = tls_context(args), asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Wire(models.serve, context), args.host, args.port,
                                      backlog=BACKLOG)
    control = await loop.create_server(lambda: Wire(models.serve_control, None), "127.0.0.1",
                                       args.control_port)
    print(json.dumps({"listening": address(server), "control": address(control)}), flush=True)
    parent = os.getppid()
    while not stop.is_set() and not (args.with_parent and os.getppid() != parent):
        try:
            await asyncio.wait_for(stop.wait(), 1 if args.with_parent else None)
        except asyncio.TimeoutError:
            pass  # looks again whether the test that started it still lives
    server.close()
    control.close()


def main() -> int:
    args = options()
    try:
        asyncio.run(run(args))
    except (BadRule, OSError, ValueError) as error:
        print(f"model_server: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
