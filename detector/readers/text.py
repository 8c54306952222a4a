"""Plain text and Markdown: one file, one document; its id is the path as given."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

from detector.document import Document
from detector.readers.base import MAX_TEXT_BYTES, Failure, Record, register
from detector.readers.encoding import BinaryFileError, decode


@register("text", ".txt", ".text", ".md", ".markdown")
def read_text(source: BufferedReader, id: str) -> Iterator[Record]:
    """The file's text, of a very large one the first MAX_TEXT_BYTES (scoring reads less than that)."""
    data = source.read(MAX_TEXT_BYTES)
    cut = len(data) == MAX_TEXT_BYTES and bool(source.read(1))
    try:
        yield Document(decode(data, cut), id)
    except BinaryFileError as error:
        yield Failure(id, str(error))
