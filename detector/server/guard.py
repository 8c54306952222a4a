"""Who may ask: the Host that was called, where a browser's request comes from, the bearer token."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from detector.server.problems import ProblemError, problem_response
from detector.server.settings import LOOPBACK, Settings

OPEN = frozenset(["/healthz", "/readyz", "/openapi.json"])
"""Asked by probes and generators, without a token."""


class Guard:
    """ASGI middleware that turns away what may not come in."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = (*LOOPBACK, *settings.hosts) if settings.local and settings.uds is None else ()
        self._digests = [_digest(token.encode()) for token in settings.tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (problem := self._refusal(scope["path"], Headers(scope=scope))):
            await problem_response(problem, scope.get("request_id"))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> ProblemError | None:
        host = headers.get("host", "")
        if self._hosts and _name(f"//{host}") not in self._hosts:
            # A web page whose name was made to point to this machine (DNS rebinding) still sends its own name.
            return ProblemError(
                421, "wrong-host", "this service answers to the name localhost: see --allow-host"
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return ProblemError(403, "cross-origin", "web pages of other sites may not use this service")
        if self._digests and path not in OPEN and not self._known(headers.get("authorization", "")):
            return ProblemError(
                401,
                "unauthorized",
                "send a token: Authorization: Bearer ...",
                {"www-authenticate": 'Bearer realm="detector"'},
            )
        return None

    def _known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        given = _digest(token.strip().encode("utf-8", "replace"))
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        return scheme.lower() == "bearer" and any(matches)


def _digest(token: bytes) -> bytes:
    """Of one length, so that a comparison tells nothing of the token's."""
    return hashlib.sha256(token).digest()


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
