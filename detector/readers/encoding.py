"""Bytes -> text: byte order marks, UTF-8, UTF-16 with or without a mark, Windows-1252 for the rest.

Line breaks stay as they are, so offsets count code points of the file's own text (after the mark).
"""

from __future__ import annotations

import codecs
import io
import re

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SIGNATURES = (
    (b"%PDF-", "a PDF; save its text as .txt"),
    (b"PK\x03\x04", "a zip archive or office document; save its text as .txt"),
    (b"\x1f\x8b", "compressed with gzip; name it .gz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; name it .zst"),
    (b"BZh91AY&SY", "compressed with bzip2; name it .bz2"),
    (b"\xfd7zXZ\0", "compressed with xz; name it .xz"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF89a", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old office document; save its text as .txt"),
    (b"{\\rtf", "rich text; save it as plain text"),
    (b"From: <Saved by ", "a web archive (MHTML); save the page as HTML only"),
    (b'From: "Saved by ', "a web archive (MHTML); save the page as HTML only"),
)
SAMPLE = 65_536
MAX_CONTROL_SHARE = 0.03
"""Control characters among all, above which a file is binary: prose has none, random bytes have 10 %."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BAD_BYTES = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_BAD_BYTES |= {0xDC00 + byte: chr(byte) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}


class BinaryFileError(ValueError):
    """The bytes are not text; the message says what they seem to be."""


def encoding_of(head: bytes) -> tuple[str, int]:
    """(encoding, length of its mark) from the first bytes of a file; UTF-8 stands for all 8-bit text."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, len(mark)
    return _unmarked_utf16(head[:SAMPLE]) or "utf-8", 0


def _unmarked_utf16(sample: bytes) -> str | None:
    """UTF-16 of mostly Latin text has a zero in every second byte, on one side only."""
    if len(sample) < 2 or b"\0" not in sample:
        return None
    pairs = len(sample) // 2
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    if odd > 0.7 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.7 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def refuse_binary(head: bytes) -> None:
    """Raise BinaryFileError if a file that starts with `head` can't be 8-bit text."""
    for signature, name in SIGNATURES:
        if head.startswith(signature):
            raise BinaryFileError(f"it is {name}")
    sample = head[:SAMPLE]
    if b"\0" in sample:
        raise BinaryFileError("it is binary (it holds zero bytes), not text")
    if len(_CONTROLS.findall(sample)) > MAX_CONTROL_SHARE * len(sample):
        raise BinaryFileError("it is binary (it is full of control characters), not text")


def decode(data: bytes, cut: bool = False) -> str:
    """The text of a file. `cut` says that more follows, so that a character may end beyond the last byte.

    Bytes that are not UTF-8 are read as Windows-1252, one by one: a page with a single bad byte keeps its
    other letters, and a page all in Latin-1 is read as such. Raises BinaryFileError.
    """
    name, mark = encoding_of(data)
    if name == "utf-8":
        refuse_binary(data)
        return decode_bytes(data[mark:], cut)
    return codecs.getincrementaldecoder(name)("replace").decode(data[mark:], final=not cut)


def decode_bytes(data: bytes, cut: bool = False) -> str:
    """8-bit text as `decode` reads it, whatever it looks like."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(data, final=not cut)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.translate(_BAD_BYTES)
    return text


class Recoded(io.RawIOBase):
    """A file in another encoding, seen as UTF-8 without a mark; for readers that go line by line."""

    def __init__(self, source: io.BufferedReader, encoding: str, mark: int) -> None:
        source.read(mark)
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            data = self._source.read(SAMPLE)
            self._ready = self._decoder.decode(data, final=not data).encode()
            if not data and not self._ready:
                return 0
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def as_utf8(source: io.BufferedReader) -> io.BufferedReader:
    """The file past its mark and, where it is UTF-16 or UTF-32, recoded. Raises BinaryFileError."""
    head = source.peek(SAMPLE)[:SAMPLE]
    name, mark = encoding_of(head)
    if name != "utf-8":
        return io.BufferedReader(Recoded(source, name, mark))
    refuse_binary(head)
    source.read(mark)
    return source
