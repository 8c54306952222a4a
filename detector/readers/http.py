"""What a web server answered, as crawlers archive it: status line, headers, body -> what the body is.

Archives differ in what they undo before writing: some keep the transfer encoding, some the content encoding, some
neither but all headers. So an encoding is undone where the bytes are in it, and passed over where they are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from detector.readers import limits
from detector.readers.base import MAX_PAGE_BYTES

MAX_HEAD_BYTES = 64 * 1024
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w:.-]+)""", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers; `type` is the media type in lower case, "" if the server did not say; `size` is
    how many bytes they take."""

    status: int
    type: str
    charset: str | None
    headers: dict[str, str]
    size: int


def content_type(value: str) -> tuple[str, str | None]:
    """(media type in lower case, charset) of a Content-Type."""
    charset = _CHARSET.search(value)
    return value.partition(";")[0].strip().lower(), charset.group(1) if charset else None


def parse_headers(lines: list[bytes]) -> dict[str, str]:
    """Names in lower case; of a repeated one the first counts; a line that starts with a blank goes on."""
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text[:1] in (" ", "\t") and name:
            headers[name] += " " + text.strip()
            continue
        name, _, value = text.partition(":")
        name = name.strip().lower()
        headers.setdefault(name, value.strip())
    return headers


def parse_head(data: bytes) -> Head:
    """What stands before the body. Raises ValueError if this is no HTTP answer."""
    head, gap, _ = data[:MAX_HEAD_BYTES].partition(b"\r\n\r\n")
    if not gap:
        head, gap, _ = data[:MAX_HEAD_BYTES].partition(b"\n\n")
    first, *lines = head.split(b"\n")
    status = re.match(rb"HTTP/\d(?:\.\d)?\s+(\d{3})\b", first)
    if not status:
        raise ValueError("it is said to be an HTTP answer, but does not begin with a status line")
    headers = parse_headers(lines)
    kind, charset = content_type(headers.get("content-type", ""))
    return Head(int(status.group(1)), kind, charset, headers, len(head) + len(gap))


def decoded_body(data: bytes, head: Head) -> bytes:
    """The body, its encodings undone. Raises DecompressionBombError, DamagedError, ImportError without the extra."""
    body = data[head.size :]
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        body = _joined_chunks(body)
    for encoding in reversed(head.headers.get("content-encoding", "").lower().split(",")):
        body = _decoded(body, encoding.strip())
    return body


def _joined_chunks(body: bytes) -> bytes:
    """The body without chunk lengths; as it is if it has none. A last chunk that is cut off is kept."""
    out: list[bytes] = []
    at = 0
    while chunk := _CHUNK.match(body, at):
        size = int(chunk.group(1), 16)
        if size == 0:
            return b"".join(out)
        out.append(body[chunk.end() : chunk.end() + size])
        at = chunk.end() + size
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(out) if out and at >= len(body) else body


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding in ("gzip", "x-gzip") and body.startswith(limits.GZIP[:2]):
        decoder = limits.gzip_decoder()
    elif encoding == "deflate" and body and not _is_text(body):
        decoder = limits.deflate_decoder(body)
    elif encoding == "zstd" and body.startswith(limits.ZSTD):
        decoder = limits.zstd_decoder()
    elif encoding == "br" and body and not _is_text(body):
        decoder = limits.brotli_decoder()
    else:
        return body
    return limits.unpack(body, decoder, MAX_PAGE_BYTES)


def _is_text(body: bytes) -> bool:
    """These have no signature; what was decoded before it was archived looks like markup."""
    return body.lstrip()[:1] == b"<"
