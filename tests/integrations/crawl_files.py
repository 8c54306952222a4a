"""The same small crawl as Parquet and WARC, for every engine to score."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integrations.site import BROKEN, page
from tests.texts import GERMAN, HONEST, SPUN, STUFFED

ROOT = Path(__file__).parents[2]
FILES, ROWS = 4, 48
VERDICT = ("status", "spun", "stuffed", "verdict", "reasons", "words", "error")
"""What must be the same everywhere."""


def texts() -> list[str]:
    """ROWS texts: honest, spun and stuffed ones, their sentences in another order each; some that can't be judged."""
    odd = [GERMAN, "Too short."]
    turned = []
    for i in range(ROWS - len(odd)):
        sentences = re.split(r"(?<=\.)\s+", (HONEST, SPUN, STUFFED)[i % 3])
        turn = i // 3 % len(sentences)
        turned.append(" ".join(sentences[turn:] + sentences[:turn]) + f" Number {i}.")
    return [*odd, *turned]


def rows() -> list[dict[str, Any]]:
    """One row a text, with columns that must come through unharmed: integers with nulls, lists."""
    return [
        {"id": f"row-{i}", "text": text, "year": None if i % 3 else 2000 + i, "tags": ["a", None][: i % 3]}
        for i, text in enumerate(texts())
    ]


def pages() -> list[tuple[str, str]]:
    """(address, markup) of each text as a page, and of a page that is refused."""
    whole = [(f"http://site.test/{i}", page(f"Page {i}", text)) for i, text in enumerate(texts())]
    return [*whole, ("http://site.test/broken", BROKEN)]


def write_parquet(folder: Path) -> None:
    """`rows()` in FILES files of three row groups each."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pylist(rows())
    for i in range(FILES):
        part = table.slice(i * ROWS // FILES, ROWS // FILES)
        parquet.write_table(part, folder / f"part-{i}.parquet", row_group_size=4)


def write_warc(folder: Path) -> None:
    """`pages()` as responses in FILES files, gzip record by record."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    headers = [("Content-Type", "text/html; charset=utf-8")]
    for i in range(FILES):
        with (folder / f"part-{i}.warc.gz").open("wb") as file:
            writer = WARCWriter(file, gzip=True)
            for address, markup in pages()[i::FILES]:
                status = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1")
                body = io.BytesIO(markup.encode())
                writer.write_record(writer.create_warc_record(address, "response", body, http_headers=status))


def read_warc(data: bytes) -> Iterator[dict[str, Any]]:
    """Address and body of each response, as the documentation's examples read them."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    for record in ArchiveIterator(io.BytesIO(data), record_types=WarcRecordType.response):
        yield {"url": record.headers["WARC-Target-URI"], "text": record.reader.read()}


def command_line(*folders: Path) -> dict[str, dict[str, Any]]:
    """{row's id or page's address: verdict} of `detector score` on these files."""
    command = [sys.executable, "-m", "detector", "score", "--no-explain", *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return {record["url"] or record["id"]: verdict(record) for record in records}


def verdict(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The part of a row that is compared."""
    found = {name: record.get(prefix + name) for name in VERDICT}
    return {**found, "reasons": list(found["reasons"])}


def of_rows(expected: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {id: value for id, value in expected.items() if id.startswith("row-")}


def of_pages(expected: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {id: value for id, value in expected.items() if id.startswith("http")}
