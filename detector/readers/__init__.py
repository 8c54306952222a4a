"""Readers: files of any known format -> `Document` or `Failure`, one at a time, in flat memory.

`read(["notes.txt", "crawl/", "*.jsonl.gz", "-"])` yields the records of all of them in order.
"""

from detector.readers import delimited, html, jsonl, text  # noqa: F401  (they enter themselves)
from detector.readers.base import FORMATS, Failure, Record, format_named
from detector.readers.sources import expand, file_stem, read, read_file

__all__ = ["FORMATS", "Failure", "Record", "expand", "file_stem", "format_named", "read", "read_file"]
