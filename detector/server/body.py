"""The body of a request: bounded in size as sent and unpacked, in time, and together with all others."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from detector.server.problems import ProblemError, busy
from detector.server.settings import MIB, Limits

STEP = 1 << 16
"""Bytes unpacked at a time, so that a bomb is noticed long before it is whole."""
MAX_RATIO = 100
"""Of unpacked to packed bytes, after the first MiB: pages reach 20, a bomb 1,000."""
_GZIP = 31


class ClientGoneError(Exception):
    """The connection ended before the body did: there is nobody to answer."""


class Memory:
    """Counts the bytes of all bodies in memory, against one limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.used = 0

    def take(self, size: int) -> None:
        """Count `size` more. Raises ProblemError 429 if that is too much and others hold some as well."""
        if self.used + size > self._most:
            raise busy("the bodies of other requests fill the memory: send it again a little later", 1)
        self.used += size

    def give_back(self, size: int) -> None:
        """Count `size` less."""
        self.used -= size


class Body:
    """Reads one request's body in pieces; use it as a context, in which its bytes count as held."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits, memory: Memory) -> None:
        self._receive = receive
        self._limits = limits
        self._memory = memory
        self._held = 0
        self._headers = Headers(scope=scope)
        self._unpack = _unpacker(self._headers.get("content-encoding", "identity"))

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        self.release(self._held)

    def release(self, size: int) -> None:
        """Give back what is not held any more."""
        self._memory.give_back(size)
        self._held -= size

    def hold(self, size: int) -> None:
        """Count bytes as held. Raises ProblemError 429."""
        self._memory.take(size)
        self._held += size

    async def read(self) -> bytes:
        """All of it, unpacked. Raises ProblemError 400, 408, 413, 429, or ClientGoneError."""
        limit = self._limits.body_bytes
        if int(self._headers.get("content-length", 0)) > limit:
            raise too_large(limit)
        whole = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for piece in self.pieces():
                    if len(whole) + len(piece) > limit:
                        raise too_large(limit)
                    self.hold(len(piece))
                    whole += piece
        except TimeoutError:
            raise too_slow(self._limits.seconds) from None
        return bytes(whole)

    async def pieces(self) -> AsyncIterator[bytes]:
        """As they come, unpacked, each at most STEP or what the network delivered."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            more = message.get("more_body", False)
            data = message.get("body", b"")
            if not data:
                yield data  # a chance to look up: the service may be stopping
            for number, piece in enumerate(self._unpack(data, not more)):
                if number % 4 == 3:
                    await asyncio.sleep(0)
                yield piece


def too_large(limit: int) -> ProblemError:
    """413: what is over the limit, and the way out."""
    return ProblemError(
        413,
        "too-large",
        f"the body is larger than {limit:,} bytes, unpacked: send less at a time",
        limit=limit,
    )


def too_slow(seconds: float) -> ProblemError:
    """408."""
    return ProblemError(
        408, "too-slow", f"the body did not arrive within {seconds:g} s", {"connection": "close"}
    )


def _unpacker(encoding: str) -> Callable[[bytes, bool], Iterator[bytes]]:
    """A function (bytes, whether they are the last) -> pieces. Raises ProblemError 415 for other than gzip."""
    if encoding.strip().lower() in ("identity", ""):
        return lambda data, last: iter((data,) if data else ())
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise ProblemError(
            415,
            "unsupported-encoding",
            "Content-Encoding must be gzip or absent",
            {"accept-encoding": "gzip"},
        )
    return _Gunzip().feed


class _Gunzip:
    """Gzip with any number of members, in steps."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._any = False
        self._taken = self._given = 0

    def feed(self, data: bytes, last: bool) -> Iterator[bytes]:
        self._taken += len(data)
        try:
            while data:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP)
                self._any = True
                if piece := self._member.decompress(data, STEP):
                    self._given += len(piece)
                    if self._given > MIB and self._given > MAX_RATIO * self._taken:
                        raise ProblemError(
                            413, "too-large", f"the body unpacks to over {MAX_RATIO} times its size"
                        )
                    yield piece
                data = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error:
            raise ProblemError(
                400, "broken-gzip", "the body is not gzip, or was changed on its way"
            ) from None
        if last and not (self._any and self._member.eof):
            raise ProblemError(400, "broken-gzip", "the gzip body ends before its end")
