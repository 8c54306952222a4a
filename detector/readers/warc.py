"""WARC and WET archives (ISO 28500), plain, gzip or zstd: one document for each archived page.

Pages are `response` records of HTTP with status 2xx, `resource` records, and the texts of `conversion` records
(WET); of these the HTML and the plain text ones. Everything else is no document and passes without a trace. The id
is WARC-Record-ID, the URL WARC-Target-URI.

The framing is read here since FastWARC and warcio end, without a word or with an exception, at the first damaged
record. Here that one record fails, and the next is looked for: the next member of a compressed file, the next
version line of a plain one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from detector.document import Document
from detector.readers.base import MAX_PAGE_BYTES, MIB, Failure, Page, RawRecord, broken, register
from detector.readers.encoding import BinaryFileError, decode
from detector.readers.http import MAX_HEAD_BYTES, content_type, decoded_body, parse_head, parse_headers
from detector.readers.limits import (
    GZIP,
    GZIP_MEMBER,
    STEP,
    ZSTD,
    ZSTD_MEMBER,
    DamagedError,
    DecompressionBombError,
    Unpacked,
    gzip_decoder,
    zstd_decoder,
)

MAX_RECORD_BYTES = MAX_PAGE_BYTES + MAX_HEAD_BYTES
MAX_LINE = 16 * 1024
MAX_BROKEN = 1000
"""Damaged records in one file after which the rest is left: looking for the next takes time that bombs want."""
HTML_TYPES = frozenset(["text/html", "application/xhtml+xml"])
EXTRA = "spun-text-detector[warc]"
_VERSION = re.compile(rb"WARC/[01]\.\d+\s*$")
_END = b"\r\n\r\n"
_START = re.compile(rb"(?<=\n)WARC/[01]\.\d+\r?\n")
_DICTIONARY = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")


@register("warc", ".warc", ".wet", unpacks=True)
def read_warc(source: io.BufferedReader, id: str) -> Iterator[RawRecord]:
    """A page, text or failure for each record that holds one."""
    try:
        head = source.peek(4)[:4]
        if head.startswith(GZIP[:2]):
            members = _Members(Unpacked(source, gzip_decoder, stop=True), GZIP_MEMBER)
            yield from _read_members(members, id)
        elif head.startswith(ZSTD) or _DICTIONARY.match(head):
            dictionary = _dictionary(source)
            unpacked = Unpacked(source, lambda: zstd_decoder(dictionary), stop=True)
            yield from _read_members(_Members(unpacked, ZSTD_MEMBER), id)
        else:
            yield from _Archive(_Stream(source), id, 1).read()
    except ImportError:
        yield Failure(id, f'reading .zst needs an extra: pip install "{EXTRA}"')
    except (OSError, EOFError) as error:
        yield Failure(id, broken(error))


def _dictionary(source: io.BufferedReader) -> bytes:
    """The zstd dictionary that an archive may begin with, in a skippable frame. Raises DamagedError, ImportError."""
    if not _DICTIONARY.match(source.peek(4)[:4]):
        return b""
    size = int.from_bytes(source.read(8)[4:], "little")
    if size > 16 * MIB:
        raise DamagedError("its zstd dictionary is larger than 16 MiB")
    data = source.read(size)
    if data.startswith(ZSTD):
        from detector.readers.limits import unpack

        data = unpack(data, zstd_decoder(), 16 * MIB)
    return data


class _Members(NamedTuple):
    """A compressed file, member by member, and what each begins with."""

    unpacked: Unpacked
    header: re.Pattern[bytes]


def _read_members(members: _Members, path: str) -> Iterator[RawRecord]:
    """The records of each member; after damage, of the next that can be read."""
    number, failed, searching, more = 1, 0, False, True
    while more:
        content: io.BufferedReader = io.BufferedReader(members.unpacked, STEP)  # type: ignore[assignment]
        archive = _Archive(_Stream(content), path, number)
        try:
            if (
                searching and content.peek(5)[:5] != b"WARC/"
            ):  # a page that came as gzip looks like a member too
                more = members.unpacked.recover(members.header)
                continue
            searching = False
            yield from archive.read()
            more = members.unpacked.advance()
            number += archive.count
        except (DamagedError, DecompressionBombError) as error:
            failed += 1
            yield Failure(archive.id, str(error), archive.url)
            if failed > MAX_BROKEN:
                yield Failure(path, f"more than {MAX_BROKEN:,} records are damaged: the rest is left")
                return
            searching = True
            number += archive.count
            more = members.unpacked.recover(members.header)
        finally:
            content.detach()


class _Stream:
    """A file from which one can read and skip, and to which one can put back."""

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = source
        self._back = b""
        self._seekable = source.seekable()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        data, self._back = self._back[:size], self._back[size:]
        return data + self._source.read(size - len(data)) if len(data) < size else data

    def line(self, limit: int) -> bytes:
        """The next line with its break, or its first `limit` bytes."""
        if not self._back:
            return self._source.readline(limit)
        end = self._back.find(b"\n", 0, limit) + 1
        if end or len(self._back) >= limit:
            return self.read(end or limit)
        data, self._back = self._back, b""
        return data + self._source.readline(limit - len(data))

    def skip(self, size: int) -> int:
        """Pass over `size` bytes; returns how many there were."""
        if self._seekable:
            start = self.mark() or 0
            end = min(start + size, self._source.seek(0, io.SEEK_END))
            self.go_back(end)
            return end - start
        rest = size
        while rest and (data := self.read(min(rest, STEP))):
            rest -= len(data)
        return size - rest

    def mark(self) -> int | None:
        """A place to go back to; None if this file can't go back."""
        return self._source.tell() - len(self._back) if self._seekable else None

    def go_back(self, mark: int) -> None:
        """Read again from this place."""
        self._source.seek(mark)
        self._back = b""

    def put_back(self, data: bytes) -> None:
        """`data` is read again."""
        self._back = data + self._back


class _BrokenRecordError(ValueError):
    """A record whose framing is wrong; the message says how. The stream stands where to look for the next."""


class _Archive:
    """Reads records from a stream, of which the first is number `first` in its file. `count` is how many were met;
    `id` and `url` are those of the record at hand, as far as is known."""

    def __init__(self, stream: _Stream, path: str, first: int) -> None:
        self._stream = stream
        self._path = path
        self._first = first
        self.count = 0
        self.id = f"{path}:{first}"
        self.url: str | None = None

    def read(self) -> Iterator[RawRecord]:
        """All records up to the end of the stream. Raises OSError as the stream does."""
        failed = 0
        while self._find_start():
            self.id, self.url = f"{self._path}:{self._first + self.count}", None
            self.count += 1
            try:
                record = self._record()
            except _BrokenRecordError as error:
                failed += 1
                yield Failure(self.id, str(error), self.url)
                if failed > MAX_BROKEN:
                    yield Failure(
                        self._path, f"more than {MAX_BROKEN:,} records are damaged: the rest is left"
                    )
                    return
                self._next_version_line()
            else:
                if record is not None:
                    yield record

    def _find_start(self) -> bool:
        """Pass blank lines; False at the end of the stream."""
        while line := self._stream.line(MAX_LINE):
            if line.strip():
                self._stream.put_back(line)
                return True
        return False

    def _next_version_line(self) -> None:
        """Go to the next line that says WARC/1.x."""
        while line := self._stream.line(MAX_LINE):
            if _VERSION.match(line) and len(line) < MAX_LINE:
                self._stream.put_back(line)
                return

    def _record(self) -> RawRecord | None:
        headers = self._headers()
        self.id = headers.get("warc-record-id", "").strip("<>") or self.id
        self.url = headers.get("warc-target-uri", "").strip("<>") or None
        said = headers.get("content-length", "")
        if not re.fullmatch(r"\d{1,18}", said):
            raise _BrokenRecordError(f"its Content-Length is {said!r}, no number of bytes")
        wanted = _reader_of(headers)
        length = int(said)
        body = self._body(length)
        if wanted is None or (length > MAX_RECORD_BYTES and wanted is _from_answer and not _is_text(body)):
            return None
        if length > MAX_RECORD_BYTES:
            return Failure(self.id, f"it is larger than {MAX_PAGE_BYTES // MIB} MiB", self.url)
        return wanted(body, self.id, self.url)

    def _headers(self) -> dict[str, str]:
        line = self._stream.line(MAX_LINE)
        if not _VERSION.match(line):
            raise _BrokenRecordError("no WARC record begins here; the next one is looked for")
        lines: list[bytes] = []
        size = 0
        while (line := self._stream.line(MAX_LINE)).strip():
            lines.append(line)
            size += len(line)
            if size > MAX_HEAD_BYTES:
                raise _BrokenRecordError(f"its header is longer than {MAX_HEAD_BYTES // 1024} KiB")
        return parse_headers(lines)

    def _body(self, length: int) -> bytes:
        """The record's content, or its first MAX_RECORD_BYTES. Raises _BrokenRecordError unless the record ends
        where its Content-Length says."""
        mark = self._stream.mark()
        body = self._stream.read(min(length, MAX_RECORD_BYTES))
        rest = length - len(body)
        rest -= self._stream.skip(rest) if rest and len(body) == MAX_RECORD_BYTES else 0
        tail = b""
        while (line := self._stream.line(MAX_LINE)) and not line.strip() and len(tail) < MAX_LINE:
            tail += line
        self._stream.put_back(line)
        if rest == 0 and (not line or tail.startswith(_END) or (tail and _VERSION.match(line))):
            return body
        if mark is not None:
            self._stream.go_back(mark)
        elif start := _START.search(body + tail):
            self._stream.put_back((body + tail)[start.start() :])
        raise _BrokenRecordError(f"it does not end where its Content-Length ({length:,} bytes) says")


def _reader_of(headers: dict[str, str]) -> Callable[[bytes, str, str | None], RawRecord | None] | None:
    """What makes a document of such a record; None if it holds none."""
    kind = headers.get("warc-type", "").lower()
    declared, charset = content_type(headers.get("content-type", ""))
    if kind == "response" and declared in ("application/http", ""):
        return _from_answer
    if kind in ("conversion", "resource") and declared in HTML_TYPES:
        return lambda body, id, url: Page(body, id, url, charset)
    if kind in ("conversion", "resource") and declared == "text/plain":
        return _from_text
    return None


def _is_text(body: bytes) -> bool:
    """Whether an answer of which only the beginning was kept is said to be a page or text."""
    try:
        head = parse_head(body)
    except ValueError:
        return True
    return 200 <= head.status < 300 and head.type in (*HTML_TYPES, "text/plain", "")


def _from_answer(body: bytes, id: str, url: str | None) -> RawRecord | None:
    try:
        head = parse_head(body)
        if not 200 <= head.status < 300 or head.type not in (*HTML_TYPES, "text/plain", ""):
            return None
        content = decoded_body(body, head)
    except ImportError:
        return Failure(id, f'its compression needs an extra: pip install "{EXTRA}"', url)
    except (ValueError, OSError) as error:
        return Failure(id, str(error), url)
    if not content.strip():
        return None
    if head.type in HTML_TYPES or (not head.type and b"<" in content[:1024]):
        return Page(content, id, url, head.charset)
    return _from_text(content, id, url) if head.type else None


def _from_text(body: bytes, id: str, url: str | None) -> RawRecord:
    try:
        return Document(decode(body), id, url)
    except BinaryFileError as error:
        return Failure(id, str(error), url)
