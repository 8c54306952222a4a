"""Around every request: its id, its line in the log, its figures."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.server.body import ClientGoneError
from detector.server.metrics import Metrics
from detector.server.problems import ProblemError, problem_response

log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNKNOWN = "other"
"""Stands in logs and metrics for paths that are not served, which a client can choose."""
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
QUIET = frozenset(["/healthz", "/readyz", "/metrics"])
"""Asked every few seconds by machines: counted, not logged."""


class Observe:
    """ASGI middleware; the outermost one."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        scope["request_id"] = request_id
        scope["notes"] = notes = dict[str, Any]()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ClientGoneError:
            notes["gave_up"] = "the client left before its request was whole"
        except Exception:
            log.exception("request failed", extra={"fields": {"id": request_id}})
            if status:
                raise
            detail = "a fault of the service: please report it with the log's line of this request_id"
            await problem_response(ProblemError(500, "internal-error", detail), request_id)(
                scope, receive, answer
            )
        finally:
            self._note(scope, status, time.perf_counter() - started, notes)

    def _note(self, scope: Scope, status: int, seconds: float, notes: dict[str, Any]) -> None:
        path = getattr(scope.get("route"), "path", UNKNOWN)
        method = scope["method"] if scope["method"] in METHODS else UNKNOWN
        self._metrics.requests.labels(path, method, str(status)).inc()
        self._metrics.request_seconds.labels(path).observe(seconds)
        if path in QUIET and status == 200:
            return
        fields = {
            "id": scope["request_id"],
            "method": method,
            "route": path,
            "status": status,
            "ms": round(1000 * seconds, 1),
            **notes,
        }
        log.info("request", extra={"fields": fields})
