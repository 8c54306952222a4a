"""From bytes that a client sent to pages, and from scored pages to the bytes of an answer."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, NoReturn

from pydantic import ValidationError

from detector.readers import Failure
from detector.server.pages import Page, Scored
from detector.server.problems import ProblemError, invalid
from detector.server.schemas import BATCH, DOCUMENT

_PAGE_ENCODING = re.compile(
    r"ascii|utf-8(-sig)?|utf-(16|32)(-[bl]e)?|iso8859-\d+|cp(1\d{3}|9\d\d|8\d\d|437)|koi8-[rtu]|mac-\w+|big5(hkscs)?|"
    r"gb(k|2312|18030)|shift_jis\w*|euc_(jp|kr|jis\w+)|iso2022_(jp|kr)\w*|tis-620|johab"
)
"""Python has others (punycode, rot13, zip) that are no text encodings, or take a time that grows by squares."""
JSON, TEXT, HTML = "application/json", "text/plain", "text/html"


def json_pages(body: bytes, evidence: bool, most: int) -> tuple[list[Page], bool]:
    """The documents of a JSON body, and whether it was a batch. Raises ProblemError 400, 422."""
    value = _parse(body)
    try:
        if not (isinstance(value, dict) and "documents" in value):
            return [DOCUMENT.validate_python(value).page("-", evidence)], False
        documents = value["documents"]
        if isinstance(documents, list) and len(documents) > most:
            raise ProblemError(
                422,
                "too-many-documents",
                f"{len(documents):,} documents, at most {most:,} a batch: divide it, or send JSON lines",
                limit=most,
            )
        found = BATCH.validate_python(value).documents
        return [document.page(str(i), evidence) for i, document in enumerate(found, 1)], True
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False)) from None


def raw_page(body: bytes, media_type: str, id: str, url: str | None, evidence: bool) -> Page:
    """The one document that a text or HTML body is. `media_type` may name its encoding."""
    kind, _, parameters = media_type.partition(";")
    _, _, charset = parameters.partition("charset=")
    name: str | None = charset.split(";")[0].strip().strip("\"'") or None
    if name is not None and kind.strip() == TEXT:
        name = _text_encoding(name)
    return Page(body, kind.strip() == HTML, id, url, evidence=evidence, charset=name)


def line_page(line: bytes, number: int, evidence: bool) -> Page | Failure:
    """The document of one line of a stream; its number is its id if it has none."""
    id = str(number)
    try:
        value = _parse(line)
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            id = value["id"]
        return DOCUMENT.validate_python(value).page(id, evidence)
    except ProblemError as error:
        return Failure(id, f"line {number}: {error}")
    except ValidationError as error:
        return Failure(id, f"line {number}: {invalid(error.errors(include_input=False))}")


def render(scored: Scored, with_text: bool) -> bytes:
    """One record, as the command line writes it."""
    record = scored.verdict.to_dict()
    if with_text and scored.verdict.status != "failed":
        record["text"] = scored.text
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode()


def _text_encoding(name: str) -> str:
    """Python's name of an encoding that pages come in. Raises ProblemError 415."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if not _PAGE_ENCODING.fullmatch(found):
        raise ProblemError(
            415, "unsupported-encoding", "the charset is unknown: leave it out, and it is guessed"
        )
    return found


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ProblemError(400, "broken-json", f"the JSON is not UTF-8 (byte {error.start + 1})") from None
    except RecursionError:
        raise ProblemError(400, "broken-json", "the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} (line {error.lineno}, column {error.colno})"
        raise ProblemError(400, "broken-json", f"the body is not valid JSON: {where}") from None
    except ValueError as error:
        raise ProblemError(400, "broken-json", f"the body is not valid JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
