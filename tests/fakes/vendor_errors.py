# Each vendor's own error answers, bodies and headers, by status:
# platform.openai.com/docs/guides/error-codes, docs.anthropic.com/en/api/errors,
# ai.google.dev/gemini-api/docs/troubleshooting. Pure. A relay must pass them on unchanged, and its
# key pools must read from them when a key may be used again.
import json
import time

from tests.fakes import anthropic_api, gemini_api, openai_api
from tests.fakes.sender import Answer

OPENAI = {
    400: ("invalid_request_error", None, "Invalid value for 'messages'."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: {key}. You "
          "can find your API key at https://platform.openai.com/account/api-keys."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not supported here."),
    404: ("invalid_request_error", "model_not_found", "The model `{model}` does not exist or "
          "you do not have access to it."),
    413: ("invalid_request_error", "request_too_large", "Request too large."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", None, "The server is currently overloaded. Please try again later."),
}
ANTHROPIC = {
    400: ("invalid_request_error", "messages: at least one message is required"),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "model: {model}"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your account's rate limit."),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "Service unavailable"),
    529: ("overloaded_error", "Overloaded"),
}
GEMINI = {
    400: ("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "Method doesn't allow unregistered callers."),
    404: ("NOT_FOUND", "models/{model} is not found for API version v1beta, or is not supported."),
    413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}
TYPE = "type.googleapis.com/google.rpc."


def dialect_of(request) -> str:
    if request.get("anthropic-version") or request.path.endswith(("/messages", "/count_tokens")):
        return "anthropic"
    if request.path.endswith(("/completions", "/embeddings", "/responses")):
        return "openai"
    if (request.get("x-goog-api-key") or "key" in request.query or "/v1beta" in request.path
            or ":" in request.path.rpartition("/")[2]):
        return "gemini"
    return "openai"


def answer(request, status: int, code: str | None = None,
           retry_after: float | None = None) -> Answer:
    """`code` replaces the vendor's usual one for this status; `retry_after` (seconds) is said in
    every way in which this vendor says it."""
    maker = {"anthropic": anthropic, "gemini": gemini, "openai": openai}[dialect_of(request)]
    return maker(request, status, code, retry_after)


def masked(key: str | None) -> str:
    return f"{key[:4]}****{key[-4:]}" if key and len(key) > 8 else "****"


def openai(request, status, code, retry_after) -> Answer:
    kind, usual, text = OPENAI.get(status, ("server_error", None, "An error occurred."))
    if code == "insufficient_quota":
        kind, text = code, "You exceeded your current quota, please check your plan."
    body = {"error": {"message": text.format(key=masked(request.key), model=request.model),
                      "type": kind, "param": None, "code": code or usual}}
    fields = openai_api.headers("application/json; charset=utf-8", f"{status}{request.head!r}")
    if retry_after is not None:
        replaced = ("x-ratelimit-reset", "x-ratelimit-remaining")
        fields = [f for f in fields if not f[0].startswith(replaced)]
        fields += [("retry-after", f"{retry_after:g}"),
                   ("retry-after-ms", f"{retry_after * 1000:.0f}"),
                   ("x-ratelimit-remaining-requests", "0"),
                   ("x-ratelimit-reset-requests", f"{retry_after:g}s"),
                   ("x-ratelimit-reset-tokens", "15ms")]
    return Answer(status, fields, [json.dumps(body, indent=4).encode()])


def anthropic(request, status, code, retry_after) -> Answer:
    kind, text = ANTHROPIC.get(status, ("api_error", "An error occurred."))
    fields = anthropic_api.headers("application/json", f"{status}{request.head!r}")
    number = dict(fields)["request-id"]
    error = {"type": code or kind, "message": text.format(model=request.model)}
    body = {"type": "error", "error": error, "request_id": number}
    if retry_after is not None:
        reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + retry_after))
        fields = [(n, reset if n.endswith("-reset") else "0" if n.endswith("-remaining") else v)
                  for n, v in fields] + [("retry-after", f"{retry_after:g}")]
    if status in (500, 503, 529):
        fields.append(("x-should-retry", "true"))
    return Answer(status, fields, [json.dumps(body).encode()])


def gemini(request, status, code, retry_after) -> Answer:
    kind, text = GEMINI.get(status, ("UNKNOWN", "An error occurred."))
    details = []
    if status == 400:
        details.append({"@type": TYPE + "ErrorInfo", "reason": code or "API_KEY_INVALID",
                        "domain": "googleapis.com",
                        "metadata": {"service": "generativelanguage.googleapis.com"}})
    if status == 429:
        details += [{"@type": TYPE + "QuotaFailure", "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
            "quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]},
            {"@type": TYPE + "Help", "links": [{
                "description": "Learn more about Gemini API quotas",
                "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]}]
    if retry_after is not None:
        details.append({"@type": TYPE + "RetryInfo", "retryDelay": f"{retry_after:g}s"})
    error = {"code": status, "message": text.format(model=request.model),
             "status": code if code and status != 400 else kind}
    body = {"error": error | ({"details": details} if details else {})}
    if ":streamGenerateContent" in request.path and request.query.get("alt") != "sse":
        body = [body]
    return Answer(status, gemini_api.headers("application/json; charset=UTF-8"),
                  [json.dumps(body, indent=2).encode() + b"\n"])


def in_stream(request, code: int) -> bytes:
    """The event with which this vendor says, in the middle of a stream, that it failed."""
    failed = json.loads(answer(request, code).pieces[0])
    failed = failed[0] if isinstance(failed, list) else failed
    if dialect_of(request) == "anthropic":
        failed.pop("request_id", None)
        return f"event: error\ndata: {json.dumps(failed)}\n\n".encode()
    if dialect_of(request) == "gemini":
        return f"data: {json.dumps(failed)}\r\n\r\n".encode()
    if request.path.endswith("/responses") or "/responses/" in request.path:
        event = {"type": "error", "code": failed["error"]["code"] or "server_error",
                 "message": failed["error"]["message"], "param": None, "sequence_number": 99}
        return f"event: error\ndata: {json.dumps(event)}\n\n".encode()
    return f"data: {json.dumps(failed)}\n\n".encode()
