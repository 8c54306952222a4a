"""JSON lines in, JSON lines out, at once and in order: for batches of any length in flat memory.

A line that can't be read gets a `failed` record. What ends the stream before its time (a body that breaks
off, the service stopping) is told by a last line `{"incomplete": true, "problem": {...}}`: everything before it
stands, the rest has to be sent again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from detector.readers import Failure
from detector.server.body import Body, ClientGoneError, too_large, too_slow
from detector.server.documents import line_page, render
from detector.server.pages import Page, Scored, failed
from detector.server.problems import ProblemError
from detector.server.service import Service

MEDIA_TYPE = "application/x-ndjson"
WINDOW = 64
"""Documents of one stream that are accepted and not yet answered."""
FULL_WAIT = 0.02
_Waiting = tuple[Page, "asyncio.Future[Scored]", int]


class NdjsonStream(Response):
    """Reads the request while it writes the answer."""

    def __init__(self, service: Service, body: Body, evidence: bool, with_text: bool) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._service = service
        self._body = body
        self._evidence = evidence
        self._with_text = with_text
        self._problem: ProblemError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        window: asyncio.Queue[_Waiting | None] = asyncio.Queue(WINDOW)
        with self._body:
            reader = asyncio.create_task(self._read_all(scope, window))
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                while (item := await window.get()) is not None:
                    line = await self._answer(item)
                    await send({"type": "http.response.body", "body": line, "more_body": True})
                await reader
                await send({"type": "http.response.body", "body": self._last_line(scope), "more_body": False})
            except ClientGoneError:
                scope["notes"]["gave_up"] = "the client left"
            finally:
                reader.cancel()
                while not window.empty():
                    if (rest := window.get_nowait()) is not None:
                        rest[1].cancel()

    async def _read_all(self, scope: Scope, window: asyncio.Queue[_Waiting | None]) -> None:
        """Submit each line; whatever ends it, the writer is told by None."""
        owner = object()
        number = 0
        try:
            async for number, line in self._lines(scope):
                await self._accept(line, number, owner, window)
        except ProblemError as problem:
            self._problem = problem
        finally:
            scope["notes"]["lines"] = number
            await window.put(None)

    async def _accept(
        self, line: bytes, number: int, owner: object, window: asyncio.Queue[_Waiting | None]
    ) -> None:
        page = line_page(line, number, self._evidence)
        if isinstance(page, Failure):
            future: asyncio.Future[Scored] = asyncio.get_running_loop().create_future()
            future.set_result(Scored(failed(self._service.detector, page), ""))
            await window.put((Page("", False, page.id), future, 0))
            return
        while not self._service.batcher.has_room():
            await asyncio.sleep(FULL_WAIT)
        self._body.hold(len(line))
        (future,) = self._service.batcher.submit([page], owner)
        await window.put((page, future, len(line)))

    async def _lines(self, scope: Scope) -> AsyncIterator[tuple[int, bytes]]:
        """Lines that are not blank, with their number. Raises ProblemError for what ends the stream too early."""
        number = held = 0
        limits = self._service.settings.limits
        rest = bytearray()
        pieces = self._body.pieces()
        while True:
            try:
                async with asyncio.timeout(limits.seconds):
                    piece = await anext(pieces, None)
            except TimeoutError:
                raise too_slow(limits.seconds) from None
            if piece is None:
                break
            self._body.hold(len(piece))
            held += len(piece)
            *lines, tail = piece.split(b"\n")
            for line in lines:
                number += 1
                whole = bytes(rest + line) if rest else line
                rest.clear()
                if whole and not whole.isspace():  # a bomb may hold millions of blank lines
                    yield number, whole
            if lines:
                self._body.release(held - len(tail))
                held = len(tail)
            rest += tail
            if len(rest) > limits.body_bytes:
                raise too_large(limits.body_bytes)
            if scope.get("stopping"):
                raise ProblemError(503, "stopping", "the service stops: send what has no record yet again")
        self._body.release(held)
        if rest and not rest.isspace():
            yield number + 1, bytes(rest)

    async def _answer(self, item: _Waiting) -> bytes:
        page, future, size = item
        try:
            async with asyncio.timeout(self._service.settings.limits.seconds):
                scored = self._service.counted(await future)
        except TimeoutError:
            scored = self._service.late(page)
        self._body.release(size)
        return render(scored, self._with_text) + b"\n"

    def _last_line(self, scope: Scope) -> bytes:
        if self._problem is None:
            return b""
        problem = {**self._problem.body, "request_id": scope["request_id"]}
        return json.dumps({"incomplete": True, "problem": problem}).encode() + b"\n"
