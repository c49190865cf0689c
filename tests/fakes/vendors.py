# Which vendor's API a request is for, and its well-behaved answer: the credential checked, the
# model's words or the vendor's own 404. Pure. Any path prefix is allowed before the vendor's path,
# so that base paths can be tested.
import json

from tests.fakes import anthropic_api, gemini_api, openai_api, openai_responses, vendor_errors
from tests.fakes.rules import Rule
from tests.fakes.sender import Answer


def answer(request, rule: Rule, keys: set, stored: openai_responses.Stored) -> Answer:
    """`keys`: the only credentials taken; empty: any is taken, but there must be one."""
    if request.path.endswith("/echo"):
        return echo(request)
    if rule.status is not None and rule.status >= 400 and rule.body is None and rule.pieces is None:
        return vendor_errors.answer(request, rule.status, rule.error_code, rule.retry_after)
    made = well_behaved(request, rule, keys, stored)
    if rule.status is not None:
        made.status = rule.status
    if rule.body is not None:
        made.pieces, made.stream, made.end = [rule.body.encode()] if rule.body else [], False, 0
    if rule.pieces is not None:
        made.pieces, made.end = [p.encode() for p in rule.pieces], 0
    if rule.error_event is not None:
        after = rule.error_event.get("after", 3)
        body = rule.error_event.get("body")
        event = body.encode() if body else vendor_errors.in_stream(
            request, rule.error_event.get("code", 500))
        made.pieces, made.end = [*made.pieces[:after], event], 0
    return made


def well_behaved(request, rule: Rule, keys: set, stored) -> Answer:
    dialect = vendor_errors.dialect_of(request)
    if not request.key or (keys and request.key not in keys):
        return vendor_errors.answer(request, refusal(dialect, request.key))
    if request.path.endswith("/responses"):
        return openai_responses.answer_response(request, rule, stored)
    if "/responses/" in request.path:
        return (openai_responses.stored_response(request, stored)
                or vendor_errors.answer(request, 404))
    module = {"anthropic": anthropic_api, "gemini": gemini_api, "openai": openai_api}[dialect]
    return module.answer(request, rule) or vendor_errors.answer(request, 404)


def refusal(dialect: str, key: str | None) -> int:
    """Google says 400 to a wrong key and 403 to none; the others say 401."""
    if dialect != "gemini":
        return 401
    return 400 if key else 403


def echo(request) -> Answer:
    """What came, for looking at a relay with curl: no credential needed."""
    seen = {"method": request.method, "target": request.target, "version": request.version,
            "headers": request.headers, "body_bytes": request.body_bytes,
            "body_sha256": request.body_hash.hexdigest()}
    text = json.dumps(seen, indent=2).encode()
    return Answer(200, [("Content-Type", "application/json")], [text])
