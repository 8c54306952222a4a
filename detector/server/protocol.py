"""HTTP/1.1 as uvicorn speaks it (over h11, which bounds headers to 64 KiB), with patience that ends.

uvicorn waits for ever for the headers of a request and for a client to take its answer, and drops the answer
for a client that has closed its sending side. Here each of these has its time or its due.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from detector.server.problems import MEDIA_TYPE, ProblemError
from detector.server.settings import Limits

_BROKEN = ProblemError(400, "broken-request", "this is not HTTP/1.1, or its headers exceed 64 KiB")

_FULL = ProblemError(503, "too-many-connections", "no more connections are taken", {"retry-after": "1"})


class BoundedProtocol(H11Protocol):
    """One connection."""

    def __init__(self, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_headers()
        if len(self.connections) > self._limits.connections:
            self._refuse(_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_header_timer()
        self._stop_write_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_headers()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Keep the connection for an answer that is due; a request that is cut off ends with it."""
        if not self._answering or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def shutdown(self) -> None:
        """Tell a request that is being answered; streams then end after what they have read."""
        if self._answering:
            self.scope["stopping"] = True  # type: ignore[typeddict-unknown-key]
            self.cycle.message_event.set()
        super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._limits.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_write_timer()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(self._limits.header_seconds, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        self._refuse(_BROKEN)

    def _refuse(self, problem: ProblemError) -> None:
        """Answer without the application, and close."""
        body = json.dumps(problem.body).encode()
        fixed = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), "connection": "close"}
        headers = [*fixed.items(), *problem.headers.items()]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            head = h11.Response(status_code=problem.status, headers=headers)
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch_headers(self) -> None:
        """The clock runs from the connection, or the end of an answer, until the headers are whole."""
        if self._answering:
            self._stop_header_timer()
        elif self._header_timer is None:
            self._header_timer = self.loop.call_later(self._limits.header_seconds, self.transport.abort)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
