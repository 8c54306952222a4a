"""What every reader shares: the record types, the registry of formats, the limits, bounded lines.

A reader is a generator `(source, id) -> Document | Page | Failure ...` over an open binary file. It never raises
for what is in the file, and never holds more of it than one record. A `Page` is HTML as it came: extracting its
text costs a thousand times what reading costs, so that is a step of its own, which a bulk run spreads over processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader

from detector.document import Document

MIB = 1 << 20
MAX_TEXT_BYTES = 8 * MIB
"""Read of a plain text file: more than the 1,000,000 characters that are scored, in any encoding."""
MAX_PAGE_BYTES = 16 * MIB
"""A larger HTML page is refused: half a page can't be parsed honestly."""
MAX_LINE_BYTES = 16 * MIB
"""A longer JSONL record or CSV line is refused: 1,000,000 characters, each escaped as 12 bytes, still fit."""
MAX_SKIPPED_BYTES = 1024 * MIB
"""How far the end of an over-long line is looked for: a decompression bomb ends here."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that could not be read. `reason` is a clause: what was wrong and what to do about it."""

    id: str
    reason: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A web page before its text is extracted; `charset` is what the server called its encoding."""

    data: bytes
    id: str
    url: str | None = None
    charset: str | None = None


Record = Document | Failure
RawRecord = Document | Page | Failure
Reader = Callable[[BufferedReader, str], Iterator[RawRecord]]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: its name on the command line, the suffixes that mean it, its reader; `unpacks` if the
    reader takes compressed files itself, since it must see where their members end."""

    name: str
    suffixes: tuple[str, ...]
    read: Reader
    unpacks: bool = False


FORMATS: dict[str, Format] = {}


def register(name: str, *suffixes: str, unpacks: bool = False) -> Callable[[Reader], Reader]:
    """Enter a reader under `name` for files with these suffixes (lower case, with the dot)."""

    def enter(read: Reader) -> Reader:
        FORMATS[name] = Format(name, suffixes, read, unpacks)
        return read

    return enter


def format_named(name: str) -> Format:
    """The format of this name. Raises ValueError that lists those there are."""
    if name not in FORMATS:
        raise ValueError(f"no input format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file without its line break; `data` is None if it was too long to be read."""

    number: int
    data: bytes | None


def bounded_lines(source: BufferedReader) -> Iterator[Line]:
    """The lines of a file, each at most MAX_LINE_BYTES. Raises OSError or EOFError as the source does."""
    number = 0
    while data := source.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(data) <= MAX_LINE_BYTES or data.endswith(b"\n"):
            yield Line(number, data.rstrip(b"\r\n"))
            continue
        yield Line(number, None)
        if not _skip_line(source):
            return


def _skip_line(source: BufferedReader) -> bool:
    """Read on to the next line; False if it is too far away."""
    skipped = 0
    while skipped < MAX_SKIPPED_BYTES:
        data = source.readline(MIB)
        if not data or data.endswith(b"\n"):
            return True
        skipped += len(data)
    return False


def broken(error: Exception) -> str:
    """Words for an error in the middle of a file (a cut-off or damaged .gz, a failing disk)."""
    detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"reading stopped here: {detail}; what came before was read"
