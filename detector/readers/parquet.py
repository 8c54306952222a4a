"""Parquet (extra `parquet`): a `text` or an `html` column, and `id`, `url`, `title` if there are such.

Read row group by row group, a few rows at a time, and only those columns. A record's id is its own, else
`path:row`, counted from 1.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, Any

from detector.readers.base import MAX_PAGE_BYTES, MIB, Failure, Page, RawRecord, broken, register
from detector.readers.jsonl import html_page, titled
from detector.readers.limits import FREE_BYTES, MAX_RATIO

if TYPE_CHECKING:
    from pyarrow import parquet

EXTRA = "spun-text-detector[parquet]"
COLUMNS = ("id", "url", "title", "text", "html")
ROWS = 64
"""Rows in memory at once: at most ROWS records of the size that is scored, most of them far smaller."""


@register("parquet", ".parquet", ".pq", ".parq")
def read_parquet(source: BufferedReader, id: str) -> Iterator[RawRecord]:
    """A document, page or failure for each row; a failure for a file that can't be read."""
    row = 0
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        yield Failure(id, f'reading Parquet needs an extra: pip install "{EXTRA}"')
        return
    if not source.seekable():
        yield Failure(id, "Parquet is read from its end: give a plain file, not a stream or a compressed one")
        return
    try:
        size = source.seek(0, io.SEEK_END)
        with parquet.ParquetFile(source, pre_buffer=False, memory_map=False) as file:
            names = _columns(file, size)
            for batch in file.iter_batches(ROWS, columns=list(names.values()), use_threads=False):
                for values in batch.rename_columns(
                    [_key(names, name) for name in batch.schema.names]
                ).to_pylist():
                    row += 1
                    yield _record(values, row, f"{id}:{row}")
    except (ArrowException, OSError, ValueError, MemoryError) as error:
        reason = broken(error) if row else str(error) or type(error).__name__
        yield Failure(f"{id}:{row + 1}" if row else id, reason.partition("\n")[0][:300])


def _columns(file: parquet.ParquetFile, size: int) -> dict[str, str]:
    """{our name: the file's name} of the columns to read in a file of `size` bytes. Raises ValueError if there is no
    text, or if the file says that it unpacks to a bomb."""
    names = {name.strip().lower(): name for name in reversed(file.schema_arrow.names)}
    found = {key: names[key] for key in COLUMNS if key in names}
    if "text" not in found and "html" not in found:
        listed = ", ".join(file.schema_arrow.names)[:200]
        raise ValueError(f"it has no `text` or `html` column; its columns are {listed}")
    # Of the groups as a whole: asking pyarrow for a damaged column's sizes ends the process (seen with 26.0).
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > FREE_BYTES + MAX_RATIO * size:
            raise ValueError(f"it unpacks to more than {MAX_RATIO} times its size, like a decompression bomb")
    return found


def _key(names: dict[str, str], name: str) -> str:
    return next(key for key, own in names.items() if own == name)


def _record(values: dict[str, Any], row: int, place: str) -> RawRecord:
    own, url, title = values.get("id"), values.get("url"), values.get("title")
    id = place if own is None else str(own)
    url = url if isinstance(url, str) else None
    text, html = values.get("text"), values.get("html")
    if isinstance(text, str):
        return titled(text, title if isinstance(title, str) else "", id, url)
    if isinstance(html, str | bytes):
        if len(html) > MAX_PAGE_BYTES:
            return Failure(id, f"row {row}: the page is larger than {MAX_PAGE_BYTES // MIB} MiB", url)
        return Page(html, id, url) if isinstance(html, bytes) else html_page(html, id, url)
    return Failure(id, f"row {row}: its text is not a string", url)
