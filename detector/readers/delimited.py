"""CSV and TSV with a header: a `text` column, and `id`, `url`, `title` if there are such. Rest ignored.

Comma, semicolon or tab, whichever the header uses; quoting as RFC 4180. A record's id is its own, else
`path:line` of its first line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import BufferedReader

from detector.readers.base import MAX_LINE_BYTES, MIB, Failure, Line, Record, bounded_lines, broken, register
from detector.readers.encoding import BinaryFileError, as_utf8, decode_bytes
from detector.readers.jsonl import titled

DELIMITERS = ",;\t"


@register("csv", ".csv", ".tsv")
def read_delimited(source: BufferedReader, id: str) -> Iterator[Record]:
    """A document or a failure for each row; without a `text` column a failure for the file."""
    rows = _Rows(id)
    try:
        yield from rows.read(bounded_lines(as_utf8(source)))
    except BinaryFileError as error:
        yield Failure(id, str(error))
    except (OSError, EOFError) as error:
        yield Failure(f"{id}:{rows.line + 1}", broken(error))


def column_names(header: str, delimiter: str) -> list[str]:
    """The columns that a header names, in lower case; none if it is no row of CSV."""
    try:
        return [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error:
        return []


class _Rows:
    """The state of one file: which line is being read, which columns it has."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.line = 0
        self._too_long = False

    def read(self, lines: Iterator[Line]) -> Iterator[Record]:
        header = next(lines, None)
        if header is None:
            yield Failure(self.path, "it is empty: expected a header with a `text` column")
            return
        first = self._decoded(header)
        delimiter = max(DELIMITERS, key=first.count)
        names = column_names(first, delimiter)
        if "text" not in names:
            yield Failure(self.path, f"it has no `text` column; its header is {first.strip()[:200]!r}")
            return
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
        yield from self._rows(lines, names, delimiter)

    def _rows(self, lines: Iterator[Line], names: list[str], delimiter: str) -> Iterator[Record]:
        reader = csv.reader((self._decoded(line) + "\n" for line in lines), delimiter=delimiter)
        while True:
            place = f"{self.path}:{self.line + 1}"
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Failure(place, f"the row is not valid CSV: {error}; is a quote left open?")
                continue
            if self._too_long:
                self._too_long = False
                limit = f"{MAX_LINE_BYTES // MIB} MiB"
                yield Failure(place, f"the row has a line longer than {limit}: split the document")
            elif row:
                yield _record(dict(zip(names, row, strict=False)), place)

    def _decoded(self, line: Line) -> str:
        self.line = line.number
        if line.data is None:
            self._too_long = True
            return ""
        return decode_bytes(line.data)


def _record(row: dict[str, str], place: str) -> Record:
    id = row.get("id", "").strip() or place
    url = row.get("url", "").strip() or None
    if "text" not in row:
        return Failure(id, "the row ends before its `text` column", url)
    return titled(row["text"], row.get("title", ""), id, url)
