"""JSON lines: one object a line with `text` or `html`, and `id`, `url`, `title`; other keys are ignored.

The title becomes a zone after the text, so that offsets of evidence count from the start of `text`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from detector.document import Document, ZoneKind
from detector.readers.base import (
    MAX_LINE_BYTES,
    MIB,
    Failure,
    Line,
    Page,
    RawRecord,
    bounded_lines,
    broken,
    register,
)
from detector.readers.encoding import BinaryFileError, as_utf8


@register("jsonl", ".jsonl", ".ndjson")
def read_jsonl(source: BufferedReader, id: str) -> Iterator[RawRecord]:
    """A document or a failure for each line that isn't blank; ids are the records' own, else `id:line`."""
    line = found = 0
    try:
        for item in bounded_lines(as_utf8(source)):
            line = item.number
            if item.data is None or item.data.strip():
                found += 1
                yield parse_line(item, f"{id}:{line}")
    except BinaryFileError as error:
        yield Failure(id, str(error))
    except (OSError, EOFError) as error:
        yield Failure(f"{id}:{line + 1}", broken(error))
    else:
        if not found:
            yield Failure(id, "it is empty: expected one JSON object a line")


def parse_line(line: Line, place: str) -> RawRecord:
    """One record; `place` is its id if it has none."""
    if line.data is None:
        return Failure(
            place, f"line {line.number} is longer than {MAX_LINE_BYTES // MIB} MiB: split the document"
        )
    try:
        record = json.loads(line.data.decode())
    except UnicodeDecodeError as error:
        return Failure(place, f"line {line.number} is not UTF-8 (byte {error.start + 1}): convert the file")
    except RecursionError:
        return Failure(place, f"line {line.number} is nested too deeply")
    except ValueError as error:
        return Failure(place, f"line {line.number} is not valid JSON: {error}")
    return _from_object(record, line.number, place)


def _from_object(record: Any, number: int, place: str) -> RawRecord:
    if not isinstance(record, dict):
        return Failure(place, f"line {number} is {_kind(record)}, expected an object with `text`")
    own = record.get("id")
    if isinstance(own, (dict, list)):
        return Failure(place, f"line {number}: `id` is {_kind(own)}, expected a string or a number")
    id = place if own is None else own if isinstance(own, str) else json.dumps(own)
    url = record["url"] if isinstance(record.get("url"), str) else None
    text, title = record.get("text"), record.get("title")
    if text is None and isinstance(record.get("html"), str):
        return html_page(record["html"], id, url)
    if not isinstance(text, str):
        fault = (
            f"`text` is {_kind(text)}, expected a string"
            if "text" in record
            else "there is no `text` or `html`"
        )
        return Failure(id, f"line {number}: {fault}", url)
    return titled(text, title if isinstance(title, str) else "", id, url)


def html_page(html: str, id: str, url: str | None) -> Page:
    """A page whose encoding is known, whatever it declares."""
    return Page(html.encode("utf-8", "replace"), id, url, "utf-8")


def titled(text: str, title: str, id: str, url: str | None) -> Document:
    """A document whose offsets start at its text: the title comes last."""
    if not title.strip() or not text.strip():
        return Document(text, id, url)
    return Document.from_parts([(ZoneKind.BODY, text), (ZoneKind.TITLE, title)], id, url)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
