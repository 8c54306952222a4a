"""Readers: files of any known format -> `Document` or `Failure`, one at a time, in flat memory.

`read(["notes.txt", "crawl/", "*.warc.gz", "s3://bucket/pages.jsonl.zst", "-"])` yields the records of all of them
in order. `scan_file` and `extract` are the same in two steps, reading and taking the text out of HTML.
"""

from detector.readers import delimited, html, jsonl, parquet, text, warc  # noqa: F401  (they enter themselves)
from detector.readers.base import FORMATS, Failure, Page, RawRecord, Record, format_named
from detector.readers.html import EXTRACTIONS, Extraction, extract
from detector.readers.sources import expand, file_stem, read, read_file, scan_file

__all__ = [
    "EXTRACTIONS",
    "FORMATS",
    "Extraction",
    "Failure",
    "Page",
    "RawRecord",
    "Record",
    "expand",
    "extract",
    "file_stem",
    "format_named",
    "read",
    "read_file",
    "scan_file",
]
