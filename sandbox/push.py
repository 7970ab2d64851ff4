"""The Push API v1 as Higher Logic's tenant answers it: `POST /push/v1/members`.

Source: what is known of Higher Logic's Push API v1. What is not is decided so: a push that is
refused for what it says is answered 200 with `success: false`; one that is not JSON 400, and one
with too many items 413, with the same body; what a gateway refuses has a gateway's
`{"message": …}`.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import time
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from sandbox import intake, journal
from sandbox.faults import ScriptedResponse
from sandbox.journal import Push
from sandbox.records import Refused, parse_item
from sandbox.services import services

blueprint = Blueprint("push", __name__, url_prefix="/push/v1")

MAX_BODY = 10 * 1024 * 1024
"""Bytes; what the cloud's API gateways take at most."""
LOGGED_KEYS = 1_000

GATEWAY_PAGE = """<html>
<head><title>{status} {reason}</title></head>
<body><center><h1>{status} {reason}</h1></center><hr><center>gateway</center></body>
</html>
"""


class GatewayRefusal(Exception):
    """The push ends before it reaches the tenant; answered with a gateway's message or page."""

    def __init__(self, status: int, *, html: bool = False) -> None:
        super().__init__(f"{status} {_reason(status)}")
        self.status = status
        self.html = html


@blueprint.post("/members")
def members() -> Response:
    """Takes one batch, whole or not at all, and writes the log before it answers."""
    began = time.perf_counter()
    push = Push()
    body = b""
    scripted: ScriptedResponse | None = None
    faults = services().faults
    try:
        body = _body()
        time.sleep(faults.latency_seconds)
        _check_api_key()
        scripted = faults.next_scripted()
        if scripted is None:
            if faults.over_rate_limit():
                raise GatewayRefusal(429)
            if faults.fails_now():
                raise GatewayRefusal(503, html=True)
            response = _deal_with(body, push)
        else:
            response = _play(scripted, body, push)
    except GatewayRefusal as refusal:
        push.note = push.note or str(refusal)
        response = _gateway_answer(refusal)
    push.status = response.status_code
    if not push.keys:
        push.keys = _keys_of(body)
    journal.write(services().database, push, began)
    if scripted is not None:
        time.sleep(scripted.hang_seconds)
        if scripted.cut_body:
            _drop_connection(_half(response))
        elif scripted.drop_connection:
            _drop_connection()
    return response


def _body() -> bytes:
    request.max_content_length = MAX_BODY
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise GatewayRefusal(413) from None


def _check_api_key() -> None:
    given = request.headers.get("x-api-key", "").encode()
    if not hmac.compare_digest(given, services().tenant.api_key.encode()):
        raise GatewayRefusal(403)


def _play(scripted: ScriptedResponse, body: bytes, push: Push) -> Response:
    response = _deal_with(body, push) if scripted.takes_the_push else None
    if response is None or scripted.status != 200 or scripted.html:
        response = _gateway_answer(GatewayRefusal(scripted.status, html=scripted.html))
    if scripted.retry_after is not None:
        response.headers["Retry-After"] = scripted.retry_after
    push.note = f"{push.note}; scripted {json.dumps(scripted.as_json())}".removeprefix("; ")
    return response


def _deal_with(body: bytes, push: Push) -> Response:
    if request.mimetype != "application/json":
        raise GatewayRefusal(415)
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _refusal(push, 400, "The body is not valid JSON")
    if not isinstance(document, dict):
        return _refusal(push, 400, "The body must be a JSON object")
    _check_tenant_code(document.get("TenantCode"))
    try:
        if unknown := document.keys() - {"TenantCode", "Items"}:
            raise Refused(f"unknown member {min(unknown)[:100]!r}")
        return _take(document.get("Items"), push)
    except Refused as refusal:
        return _refusal(push, 200, str(refusal))


def _check_tenant_code(given: object) -> None:
    expected = services().tenant.code.encode()
    if not isinstance(given, str) or not hmac.compare_digest(
        given.encode(errors="replace"), expected
    ):
        raise GatewayRefusal(403)


def _take(elements: object, push: Push) -> Response:
    if not isinstance(elements, list):
        raise Refused("Items must be a list")
    push.count = len(elements)
    limit = services().faults.max_batch
    if len(elements) > limit:
        return _refusal(push, 413, f"Items has {len(elements)} entries; at most {limit} are taken")
    items = [parse_item(element, f"Items[{index}]") for index, element in enumerate(elements)]
    keys = tuple(item.key for item in items)
    push.keys = keys[:LOGGED_KEYS]
    if services().faults.crashes(keys):
        raise GatewayRefusal(500, html=True)
    if (message := services().faults.rejection(keys)) is not None:
        raise Refused(message)
    intake.take(services().database, items, keep=services().faults.keep_history)
    services().refresher.wake()
    push.success = True
    return _result(200, success=True, count=len(items), message="")


def _refusal(push: Push, status: int, message: str) -> Response:
    push.note = message
    return _result(status, success=False, count=0, message=message)


def _result(status: int, *, success: bool, count: int, message: str) -> Response:
    return _json(status, {"success": success, "count": count, "errorMessage": message})


def _gateway_answer(refusal: GatewayRefusal) -> Response:
    reason = _reason(refusal.status)
    if refusal.html:
        page = GATEWAY_PAGE.format(status=refusal.status, reason=reason)
        return Response(page, refusal.status, content_type="text/html")
    return _json(refusal.status, {"message": reason})


def _json(status: int, content: dict[str, Any]) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _keys_of(body: bytes) -> tuple[str, ...]:
    """The keys in a push that was not dealt with: the log says whom it was about."""
    try:
        found = [item["MemberDetails"]["LegacyContactKey"] for item in json.loads(body)["Items"]]
    except (ValueError, RecursionError, TypeError, LookupError):
        return ()
    return tuple(key for key in found[:LOGGED_KEYS] if isinstance(key, str))


def _half(response: Response) -> bytes:
    """An answer as it is on the wire, without the second half of its body."""
    content = response.get_data()
    head = [
        f"HTTP/1.1 {response.status}",
        *(f"{name}: {value}" for name, value in response.headers if name != "Content-Length"),
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + content[: len(content) // 2]


def _drop_connection(before: bytes = b"") -> None:
    """Closes the caller's connection without an answer, or with no more than `before` of it.

    Raises RuntimeError under a server that does not hand its socket over.
    """
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if not isinstance(connection, socket.socket):
        raise RuntimeError("this server does not let a view drop its connection")
    # The caller may have been quicker: then there is nothing left to close.
    with contextlib.suppress(OSError):
        if before:
            connection.sendall(before)
        connection.shutdown(socket.SHUT_RDWR)
