"""One label: what a person said about a text. Checked when it is made, so that whatever holds one can trust it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MAX_CHARACTERS = 1_000_000
"""The detector scores no more of a document."""
MAX_NAME = 200
"""Characters of an id, a source, an annotator, a pair."""
MAX_SPANS = 10_000
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class LabelError(ValueError):
    """Something can't be a label; the message is a clause that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Label:
    """What `annotator` said about `text`.

    `spun`, `stuffed`: 1 yes, 0 no, None not said; not both None. `spans`: [start, end) in code points of what
    a spinner put there, in order; empty if nobody marked any. `date`: ISO 8601. `pair` names texts that belong
    together (a page and its spun version, the pages of one site): they are never split between training and
    testing. Raises LabelError.
    """

    text: str
    spun: int | None = None
    stuffed: int | None = None
    source: str = ""
    annotator: str = ""
    date: str = ""
    pair: str = ""
    id: str = ""
    spans: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise LabelError(f"`text` is {type(self.text).__name__}, expected a string")
        if not self.text.strip():
            raise LabelError("`text` is empty")
        if len(self.text) > MAX_CHARACTERS:
            raise LabelError(f"`text` has more than {MAX_CHARACTERS:,} characters: label a part of it")
        object.__setattr__(self, "text", _SURROGATES.sub("\ufffd", self.text))
        for name in ("spun", "stuffed"):
            value = getattr(self, name)
            if value is not None and (value not in (0, 1) or not isinstance(value, int)):
                raise LabelError(f"`{name}` is {str(value)[:40]!r}, expected 1, 0 or nothing")
            object.__setattr__(self, name, None if value is None else int(value))
        if self.spun is None and self.stuffed is None:
            raise LabelError("it says neither `spun` nor `stuffed`: give one of them 1 or 0")
        for name in ("source", "annotator", "pair", "id"):
            object.__setattr__(self, name, _name(name, getattr(self, name)))
        object.__setattr__(self, "date", iso_date(self.date))
        object.__setattr__(self, "spans", _checked_spans(self.spans, len(self.text)))

    @property
    def key(self) -> str:
        """The hash of the text (sha256, hexadecimal): labels of one text share it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def group(self) -> str:
        """What is never split between training and testing: the pair, else the text."""
        return f"pair:{self.pair}" if self.pair else f"text:{self.key}"

    @property
    def words(self) -> str:
        """The label for people: "spun", "not stuffed", "spun, stuffed" and so on."""
        parts = (("spun", self.spun), ("stuffed", self.stuffed))
        if self.spun == 0 and self.stuffed == 0:
            return "clean"
        return ", ".join(name if value else f"not {name}" for name, value in parts if value is not None)

    def to_dict(self) -> dict[str, Any]:
        """The record as it stands in a file of labels (docs/formats.md); what is not known is left out."""
        record: dict[str, Any] = {
            "id": self.id,
            "text": self.text,
            "spun": self.spun,
            "stuffed": self.stuffed,
        }
        record |= {name: getattr(self, name) for name in ("source", "annotator", "date", "pair")}
        if self.spans:
            record["spans"] = [list(span) for span in self.spans]
        return {key: value for key, value in record.items() if value != ""}


def _name(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise LabelError(f"`{field}` is {type(value).__name__}, expected a string")
    cleaned = _CONTROLS.sub(" ", value).strip()
    if len(cleaned) > MAX_NAME:
        raise LabelError(f"`{field}` has more than {MAX_NAME} characters")
    return cleaned


def iso_date(value: object) -> str:
    """ISO 8601, as given; a number is seconds since 1970. Raises LabelError."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
        if not isinstance(value, str):
            raise ValueError
        text = value.strip()
        if text:
            datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise LabelError(f"`date` is {str(value)[:40]!r}, expected ISO 8601 such as 2026-03-31") from None
    return text


def _checked_spans(spans: tuple[tuple[int, int], ...], length: int) -> tuple[tuple[int, int], ...]:
    if len(spans) > MAX_SPANS:
        raise LabelError(f"it marks more than {MAX_SPANS:,} spans")
    for start, end in spans:
        if not 0 <= start < end <= length:
            raise LabelError(f"the span {start}-{end} does not lie in the text of {length:,} characters")
    return tuple(sorted(spans))
