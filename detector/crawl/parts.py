"""Part files: JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import IO, Any, Literal, Protocol, get_args

from detector.crawl.folders import Folder
from detector.report.rows import COLUMNS, flat_row
from detector.verdict import Verdict

PartFormat = Literal["jsonl", "csv", "parquet"]
PART_FORMATS: tuple[PartFormat, ...] = get_args(PartFormat)
EXTRA = "spun-text-detector[parquet]"
ROWS = 1000
"""Verdicts in a row group of Parquet."""


def missing_extra(format: PartFormat) -> str | None:
    """What to install before this format can be written, if anything."""
    if format == "parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            return EXTRA
    return None


class PartWriter(Protocol):
    """Writes verdicts to an open binary file."""

    def add(self, verdict: Verdict, text: str | None) -> None: ...

    def finish(self) -> None: ...


class _Jsonl:
    def __init__(self, file: IO[bytes], evidence: bool) -> None:
        self._file = file

    def add(self, verdict: Verdict, text: str | None) -> None:
        record = verdict.to_dict()
        if text is not None:
            record["text"] = text
        self._file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")

    def finish(self) -> None:
        pass


class _Csv:
    def __init__(self, file: IO[bytes], evidence: bool) -> None:
        self._text = TextIOWrapper(file, "utf-8", "backslashreplace", newline="")  # type: ignore[type-var]
        self._rows = csv.DictWriter(self._text, COLUMNS, lineterminator="\n")
        self._rows.writeheader()
        self._evidence = evidence

    def add(self, verdict: Verdict, text: str | None) -> None:
        self._rows.writerow(flat_row(verdict, self._evidence))

    def finish(self) -> None:
        self._text.flush()
        self._text.detach()


class _Parquet:
    """`reasons` is a list of strings, `evidence` a list of structs; the rest is as in JSON."""

    def __init__(self, file: IO[bytes], evidence: bool) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        string, number = pa.string(), pa.float64()
        place = pa.struct(
            [("kind", string), ("start", pa.int32()), ("end", pa.int32()), ("text", string),
             ("suggestion", string), ("alternatives", pa.list_(string)), ("weight", number), ("zone", string)]
        )  # fmt: skip
        self._schema = pa.schema(
            [("id", string), ("url", string), ("status", string), ("spun", number), ("stuffed", number),
             ("verdict", string), ("reasons", pa.list_(string)), ("words", pa.int64()), ("evidence", pa.list_(place)),
             ("truncated", pa.bool_()), ("error", string), ("model", string), ("text", string)]
        )  # fmt: skip
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, verdict: Verdict, text: str | None) -> None:
        self._rows.append(_unicode({"truncated": False, **verdict.to_dict(), "text": text}))
        if len(self._rows) >= ROWS:
            self._write()

    def _write(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()

    def finish(self) -> None:
        if self._rows:
            self._write()
        self._writer.close()


def _unicode(value: Any) -> Any:
    """Lone surrogates as their escapes: Parquet's strings are UTF-8."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _unicode(item) for key, item in value.items()}
    return [_unicode(item) for item in value] if isinstance(value, list) else value


_WRITERS: dict[PartFormat, Callable[[IO[bytes], bool], PartWriter]] = {
    "jsonl": _Jsonl,
    "csv": _Csv,
    "parquet": _Parquet,
}


class _Hashed:
    """A file that knows the SHA-256 of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        self.closed = True

    def digest(self) -> str:
        return self._hash.hexdigest()


class Part:
    """A part being written: `add` verdicts, then read `records`, `size`, `digest`."""

    def __init__(self, file: IO[bytes], format: PartFormat, evidence: bool) -> None:
        self._file = _Hashed(file)
        self._writer = _WRITERS[format](self._file, evidence)  # type: ignore[arg-type]
        self.records = 0

    def add(self, verdict: Verdict, text: str | None) -> None:
        """Write one verdict."""
        self._writer.add(verdict, text)
        self.records += 1

    def finish(self) -> None:
        """Write what belongs at the end."""
        self._writer.finish()

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._file.size

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes written."""
        return self._file.digest()


@contextmanager
def open_part(folder: Folder, name: str, format: PartFormat, evidence: bool) -> Iterator[Part]:
    """A part that gets its name in the folder at the end, when it is whole. A part without records gets none.
    Raises OSError."""
    with folder.draft(name) as file:
        part = Part(file, format, evidence)
        yield part
        part.finish()
        if part.records:
            folder.publish(name, file)
