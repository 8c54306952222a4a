"""WARC records for the tests, right and wrong."""

from __future__ import annotations

import gzip
from functools import cache

PROSE = (
    "The ferry to the island leaves at seven, and again at noon if there are enough passengers. We took the early one. "
    "It was cold on deck, and the coffee came in paper cups that were too hot to hold. My sister had brought a map from "
    "the library, on which somebody had marked three houses with a red pencil. None of them is there any more. The "
    "keeper of the lighthouse said that the last of them fell into the sea in the winter of the big storm."
)


def html(number: int = 0) -> bytes:
    return (
        f"<html><title>Page {number}</title><body><main><h1>Page {number}</h1><p>{PROSE}</p></main>".encode()
    )


def record(
    number: int,
    body: bytes,
    kind: str = "response",
    media: str = "application/http; msgtype=response",
    lie: int = 0,
) -> bytes:
    """A record whose Content-Length is off by `lie`."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Target-URI: https://site.example/{number}\r\nContent-Type: {media}\r\n"
        f"Content-Length: {len(body) + lie}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def answer(body: bytes, *headers: str, status: str = "200 OK", media: str = "text/html") -> bytes:
    """What a server sends."""
    lines = [f"HTTP/1.1 {status}", *([f"Content-Type: {media}"] if media else []), *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def page(number: int, lie: int = 0) -> bytes:
    """A record with a web page."""
    return record(number, answer(html(number)), lie=lie)


def text(number: int) -> bytes:
    """A record of a WET file."""
    return record(number, PROSE.encode(), "conversion", "text/plain")


def members(*records: bytes) -> bytes:
    """A .warc.gz: one member a record."""
    return b"".join(gzip.compress(item) for item in records)


@cache
def bomb(megabytes: int) -> bytes:
    """So many megabytes of zeros, as gzip."""
    return gzip.compress(bytes(megabytes << 20), 9)
