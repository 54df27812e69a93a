"""What every request passes first: host, origin, token, rate, patience; and the headers of every answer.

The page holds its token itself and sends it in a header: there is no cookie that another site could make a
browser send, and a name that is rebound to 127.0.0.1 fails the check of the host.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.exceptions import HTTPException

from mimictalk.errors import MimictalkError
from mimictalk.studio.limits import Limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
API = "/api/"
UPLOADS = "/api/v1/uploads"
SLOWEST = 1024  # bytes a second of an upload, after the first moments
REMEMBERED = 10_000  # addresses and owners
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"microphone=(self), camera=(), geolocation=()"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
]


class Refused(HTTPException):
    """A request that goes no further.

    Args:
        status: Of the answer.
        cause: Why.
        **headers: Of the answer, besides the usual ones; _ stands for -.
    """

    def __init__(self, status: int, cause: str, **headers: str) -> None:
        # What is left of the body is not read.
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(status, cause, {"connection": "close", **given})


class Rate:
    """So many a minute of each, after a burst of as many (a token bucket).

    Args:
        per_minute: How many.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, who: str, cost: float = 1.0) -> bool:
        """Whether one more is allowed now; if so it counts."""
        now = time.monotonic()
        left, then = self._left.pop(who, (float(self._most), now))
        left = min(self._most, left + (now - then) * self._most / 60)
        allowed = left >= 1
        self._left[who] = (left - cost if allowed else left, now)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return allowed


class Keys(Protocol):
    """Who may use a server."""

    def owner_of(self, token: str) -> str | None:
        """Whose token this is; None for a wrong one."""


class Guard:
    """ASGI middleware.

    Args:
        app: What is guarded.
        keys: Who may use it.
        limits: Of rates, bodies and patience.
        hosts: Names by which this server may be called, without port.
    """

    def __init__(self, app: Any, keys: Keys, limits: Limits, hosts: frozenset[str]) -> None:
        self._app, self._keys, self._limits, self._hosts = app, keys, limits, hosts
        self._rate, self._failures = Rate(limits.requests_per_minute), Rate(limits.failures_per_minute)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                given = {name.lower() for name, _ in message.get("headers", ())}
                extra = [pair for pair in HEADERS if pair[0] not in given]
                if scope["path"].startswith(API) and b"cache-control" not in given:
                    extra.append((b"cache-control", b"no-store"))
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        try:
            await self._admit(scope)
            await self._app(scope, self._patient(scope, receive), answer)
        except Refused as refused:
            if not begun:
                await _say_no(refused, answer)

    async def _admit(self, scope: Message) -> None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if sum(name.lower() == b"host" for name, _ in scope["headers"]) != 1:
            raise Refused(400, "one Host header is needed")
        host = headers[b"host"]
        if _name(host) not in self._hosts:
            raise Refused(421, "this server is not known under that name")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refused(403, "the request comes from another site")
        if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Refused(403, "the request comes from another site")
        scope.setdefault("state", {})["owner"] = None
        if not scope["path"].startswith(API):
            return
        address = (scope.get("client") or ("?", 0))[0]
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        owner = None
        if scheme.lower() == "bearer" and 0 < len(token) <= 200:
            owner = await to_thread.run_sync(self._keys.owner_of, token.strip())
        if owner is None:
            if not self._failures.allows(address):
                raise Refused(429, "too many wrong tokens", retry_after="60")
            raise Refused(401, "a valid token is needed", www_authenticate="Bearer")
        if not self._rate.allows(owner):
            raise Refused(429, "too many requests", retry_after="10")
        scope["state"]["owner"] = owner

    def _patient(self, scope: Message, receive: Receive) -> Receive:
        """A body that stops, crawls or never ends is not waited for."""
        limits, began = self._limits, time.monotonic()
        upload = scope["path"] == UPLOADS and scope["method"] == "POST"
        size, whole = 0, False

        async def take() -> Message:
            nonlocal size, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), limits.idle_seconds)
            except TimeoutError:
                raise Refused(408, "the request came to a halt") from None
            if message["type"] != "http.request":
                return message
            size += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            late = time.monotonic() - began - limits.idle_seconds
            if not upload and size > limits.body_bytes:
                raise Refused(413, f"a body of more than {limits.body_bytes} bytes is not taken here")
            if not whole and late > 0 and (not upload or size < SLOWEST * late):
                raise Refused(408, "the request is too slow")
            return message

        return take


def _name(host: str) -> str:
    """The name in a Host header, without port; "" for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname or "" if parts.netloc == host and "@" not in host else ""
    except ValueError:
        return ""


async def _say_no(refused: Refused, send: Send) -> None:
    error = MimictalkError("request", refused.detail, "See docs/studio.md for what the API takes.")
    body = json.dumps({"error": error.as_dict()}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **(refused.headers or {}),
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status_code, "headers": raw})
    await send({"type": "http.response.body", "body": body})
