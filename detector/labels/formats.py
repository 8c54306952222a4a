"""Files of labels: our JSON lines and CSV, and what Label Studio, Prodigy and Argilla export.

The shape of each record tells where it comes from; nothing has to be said. A record that can't be used becomes
a `Failure` that names its line and what to change; the others are read all the same.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, cast

from detector.labels.label import Label, LabelError, iso_date
from detector.readers.base import MAX_LINE_BYTES, MIB, Failure, Format, Reader, bounded_lines, broken
from detector.readers.delimited import column_names
from detector.readers.encoding import BinaryFileError, as_utf8
from detector.readers.sources import read_file

MAX_ARRAY_BYTES = 256 * MIB
"""A larger JSON array is refused: it has to be read whole. JSON lines may be of any length."""
DELIMITERS = ",;\t"
ANSWERS: dict[str, tuple[int | None, int | None]] = {
    "spun": (1, None), "not spun": (0, None), "1": (1, None), "0": (0, None),
    "stuffed": (None, 1), "not stuffed": (None, 0),
    "both": (1, 1), "clean": (0, 0), "honest": (0, 0), "human": (0, 0),
}  # fmt: skip
"""What one word of label says of (spun, stuffed)."""
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A label and where it stands: the line in its file (of an array: the number of the item)."""

    number: int
    label: Label


Item = Line | Failure


class UnansweredError(LabelError):
    """The record holds no answer, and says so itself (ignored, cancelled, pending)."""


def read_labels(path: str, annotator: str = "", source: str = "") -> Iterator[Item]:
    """The labels of one file (`-` for standard input; `.gz` is unpacked), in order.

    `annotator` and `source` fill in where a record names none. Never raises for what is in the file.
    """

    def read(stream: BufferedReader, id: str) -> Iterator[Item]:
        return _read(stream, id, {"annotator": annotator, "source": source})

    yield from cast(Iterator[Item], read_file(path, Format("labels", (), cast(Reader, read))))


def _read(stream: BufferedReader, path: str, missing: dict[str, str]) -> Iterator[Item]:
    number = 0
    try:
        for number, record in _records(as_utf8(stream)):
            if isinstance(record, str):
                yield Failure(f"{path}:{number}", record)
                continue
            with suppress(UnansweredError):
                yield _item(path, number, record, missing)
    except BinaryFileError as error:
        yield Failure(path, str(error))
    except (OSError, EOFError) as error:
        yield Failure(f"{path}:{number + 1}", broken(error))
    else:
        if not number:
            yield Failure(path, "it holds no labels: expected JSON lines, a JSON array, or CSV with a header")


def _item(path: str, number: int, record: Record, missing: dict[str, str]) -> Item:
    place = f"{path}:{number}"
    try:
        fields = _fields(record)
        for name, value in missing.items():
            fields[name] = fields.get(name) or value
        return Line(number, Label(**fields))
    except UnansweredError:
        raise
    except LabelError as error:
        return Failure(place, str(error))
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        return Failure(place, f"the record is not built as its tool builds them: {error}")


def _records(stream: BufferedReader) -> Iterator[tuple[int, Record | str]]:
    """(line, record, or what is wrong with it)."""
    head = stream.peek(4096)[:4096].lstrip()
    if head[:1] == b"[":
        yield from _array(stream)
    elif head[:1] == b"{":
        yield from _json_lines(stream)
    else:
        yield from _rows(stream)


def _array(stream: BufferedReader) -> Iterator[tuple[int, Record | str]]:
    data = stream.read(MAX_ARRAY_BYTES + 1)
    if len(data) > MAX_ARRAY_BYTES:
        yield 1, f"the array is larger than {MAX_ARRAY_BYTES // MIB} MiB: export it as JSON lines"
        return
    found = _parsed(data)
    for number, record in enumerate(found if isinstance(found, list) else [found], 1):
        yield number, record if isinstance(record, dict | str) else "it is not an object"


def _json_lines(stream: BufferedReader) -> Iterator[tuple[int, Record | str]]:
    for line in bounded_lines(stream):
        if line.data is None:
            yield line.number, f"the line is longer than {MAX_LINE_BYTES // MIB} MiB"
        elif line.data.strip():
            record = _parsed(line.data)
            yield line.number, record if isinstance(record, dict | str) else "the line is not an object"


def _parsed(data: bytes) -> Any:
    """The JSON value; a string says what is wrong (no label is a string)."""
    try:
        found = json.loads(data.decode())
        return "it is a string, expected an object with `text`" if isinstance(found, str) else found
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 (byte {error.start + 1}): convert the file"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return f"it is not valid JSON: {error}"


def _rows(stream: BufferedReader) -> Iterator[tuple[int, Record | str]]:
    at = 0
    too_long = False

    def decoded() -> Iterator[str]:
        nonlocal at, too_long
        for line in bounded_lines(stream):
            at = line.number
            too_long |= line.data is None
            yield "" if line.data is None else line.data.decode(errors="replace") + "\n"

    lines = decoded()
    header = next(lines, None)
    if header is None:
        return
    delimiter = max(DELIMITERS, key=header.count)
    names = column_names(header, delimiter)
    if "text" not in names:
        yield 1, f"neither JSON nor CSV with a `text` column; it begins {header.strip()[:80]!r}"
        return
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        first = at + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, f"the row is not valid CSV: {error}; is a quote left open?"
            continue
        if too_long:
            too_long = False
            yield first, f"a line of the row is longer than {MAX_LINE_BYTES // MIB} MiB"
        elif row:
            yield first, dict(zip(names, row, strict=False))


def _fields(record: Record) -> Record:
    """The record as keyword arguments of `Label`."""
    for belongs, convert in _TOOLS:
        if belongs(record):
            return convert(record)
    return _own(record)


def _own(record: Record) -> Record:
    """Our own record, or `text,label`."""
    if "text" not in record:
        raise LabelError("there is no `text`")
    fields = _common(record, record["text"])
    if {"spun", "stuffed"} & record.keys():
        fields |= {name: _number(name, record.get(name)) for name in ("spun", "stuffed")}
        if "why" in record and fields["spun"] is None and fields["stuffed"] is None:
            raise UnansweredError("suggested, and not filled in yet")
    elif "label" in record:
        fields |= _answers([record["label"]])
    else:
        raise LabelError("there is neither `spun` nor `stuffed` nor `label`")
    if record.get("spans") not in (None, ""):
        spans = record["spans"]
        fields["spans"] = _spans(json.loads(spans) if isinstance(spans, str) else spans)
    return fields


def _common(record: Record, text: object) -> Record:
    names = ("id", "source", "annotator", "pair")
    fields = {name: _word(record[name]) for name in names if record.get(name) not in (None, "")}
    date = record.get("date")
    return {"text": text, "date": "" if date is None else iso_date(date), **fields}


def _word(value: object) -> object:
    """Numbers (ids, user numbers) as words; anything else as it is, for `Label` to judge."""
    return str(value) if isinstance(value, int | float) else value


def _number(name: str, value: object) -> int | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "null", "none")):
        return None
    words = {"1": 1, "1.0": 1, "true": 1, "yes": 1, "0": 0, "0.0": 0, "false": 0, "no": 0}
    found = words.get(str(value).strip().lower())
    if found is None:
        raise LabelError(f"`{name}` is {str(value)[:40]!r}, expected 1, 0 or nothing")
    return found


def _answers(labels: Iterable[object]) -> Record:
    """What several words of label say together."""
    found: dict[str, int] = {}
    for label in labels:
        word = " ".join(str(label).replace("_", " ").replace("-", " ").lower().split())
        if word in ("true", "false"):
            word = str(int(word == "true"))
        if word not in ANSWERS:
            raise LabelError(f"the label {str(label)[:40]!r} is none of {', '.join(ANSWERS)}")
        for name, value in zip(("spun", "stuffed"), ANSWERS[word], strict=True):
            if value is not None and found.setdefault(name, value) != value:
                raise LabelError(f"its labels contradict each other about `{name}`")
    return dict(found)


def _spans(marked: Iterable[Any]) -> tuple[tuple[int, int], ...]:
    """[start, end) pairs, or objects with `start` and `end`."""
    pairs = [(m["start"], m["end"]) if isinstance(m, dict) else tuple(m) for m in marked]
    if any(len(pair) != 2 or not all(type(offset) is int for offset in pair) for pair in pairs):
        raise LabelError("`spans` are not pairs [start, end] of whole numbers")
    return tuple(cast(tuple[int, int], pair) for pair in pairs)


def _prodigy(record: Record) -> Record:
    """Prodigy: `answer` with one `label` (textcat), with choices in `accept`, or with `spans` (spancat, ner)."""
    if record["answer"] not in ("accept", "reject"):
        raise UnansweredError(f"answered {str(record['answer'])[:20]!r}")
    accepted = record["answer"] == "accept"
    meta = record.get("meta")
    known = meta if isinstance(meta, dict) else {}
    fields = _common({name: known.get(name) for name in ("id", "source", "pair")}, record.get("text"))
    fields["annotator"] = _word(record.get("_annotator_id") or record.get("_session_id") or "")
    fields["date"] = iso_date(record.get("_timestamp") or "")
    spans = record.get("spans") or []
    if "accept" in record:
        if not accepted:
            raise UnansweredError("the choice was rejected")
        fields |= _answers(record["accept"]) or _answers(["clean"])
    elif "label" in record:
        answer = _answers([record["label"]])
        fields |= answer if accepted else {name: 1 - value for name, value in answer.items()}
    elif accepted:
        fields |= {"spun": int(bool(spans))}
    else:
        raise UnansweredError("the spans were rejected")
    if accepted and fields.get("spun"):
        fields["spans"] = _spans(spans)
    return fields


def _label_studio(record: Record) -> Record:
    """Label Studio, JSON: a task with `data` and `annotations`; the last annotation that wasn't cancelled."""
    data = record["data"]
    if not isinstance(data, dict) or "text" not in data:
        raise LabelError("the task's `data` has no `text`: name the text variable `text`")
    done = [
        a for a in record.get("annotations") or record.get("completions") or [] if not a.get("was_cancelled")
    ]
    if not done:
        raise UnansweredError("the task has no annotation")
    last = done[-1]
    fields = _common(
        {"id": record.get("id"), "date": last.get("created_at") or last.get("updated_at")} | data,
        data["text"],
    )
    by = last.get("completed_by")
    fields["annotator"] = _word(by.get("email") or by.get("id") if isinstance(by, dict) else by or "")
    results = [result for result in last.get("result") or [] if isinstance(result.get("value"), dict)]
    choices = [choice for result in results for choice in result["value"].get("choices") or []]
    marked = [result["value"] for result in results if result["value"].get("labels")]
    if choices:
        fields |= _answers(choices)
    elif marked:
        fields["spun"] = 1
    else:
        raise UnansweredError("the annotation is empty")
    if marked and fields.get("spun"):
        fields["spans"] = _spans(marked)
    return fields


def _label_studio_min(record: Record) -> Record:
    """Label Studio, JSON-MIN and CSV: one row an annotation, the choice under the name of its control."""
    ours = {
        "annotation_id",
        "annotator",
        "created_at",
        "updated_at",
        "lead_time",
        "id",
        "text",
        "source",
        "pair",
    }
    found = record.get("label")
    if found is None:
        controls = [value for key, value in record.items() if key not in ours and isinstance(value, str)]
        known = [value for value in controls if value.strip().lower() in ANSWERS]
        if len(known) != 1:
            raise LabelError("it has no `label`: name the choice control `label`")
        found = known[0]
    fields = _common(record | {"date": record.get("created_at")}, record.get("text"))
    return fields | _answers(found["choices"] if isinstance(found, dict) else [found])


def _argilla(record: Record) -> Record:
    """Argilla 2: `fields` and `responses` by question; the last submitted response."""
    responses = record["responses"]
    found = (
        [answer for answers in responses.values() for answer in answers]
        if isinstance(responses, dict)
        else responses
    )
    submitted = [answer for answer in found if answer.get("status", "submitted") == "submitted"]
    if not submitted:
        raise UnansweredError("nothing was submitted")
    last = submitted[-1]
    value = last["value"] if "value" in last else [v["value"] for v in last["values"].values()]
    return _argilla_fields(record, record["fields"]["text"], value, last.get("user_id"))


def _argilla_flat(record: Record) -> Record:
    """Argilla 2 through `datasets`: columns `<question>.responses`, `.responses.users`, `.responses.status`."""
    column = next(key for key in record if key.endswith(".responses"))
    answers, users = record[column], record.get(f"{column}.users")
    states = record.get(f"{column}.status") or ["submitted"] * len(answers or ())
    users = users or [""] * len(answers or ())
    done = [(a, u) for a, u, state in zip(answers or (), users, states) if state == "submitted"]
    if not done:
        raise UnansweredError("nothing was submitted")
    return _argilla_fields(record, record.get("text"), *done[-1])


def _argilla_old(record: Record) -> Record:
    """Argilla 1: `annotation`, `annotation_agent`, `inputs` or `text`."""
    if not record.get("annotation") or record.get("status") == "Discarded":
        raise UnansweredError("it is not annotated")
    inputs = record.get("inputs")
    text = inputs.get("text") if isinstance(inputs, dict) else record.get("text")
    fields = _argilla_fields(record, text, record["annotation"], record.get("annotation_agent"))
    return fields | {"date": iso_date(record.get("event_timestamp") or "")}


def _argilla_fields(record: Record, text: object, value: object, user: object) -> Record:
    metadata = record.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    fields = _common({name: known.get(name) for name in ("source", "pair")} | {"id": record.get("id")}, text)
    return fields | {"annotator": _word(user or "")} | _answers(value if isinstance(value, list) else [value])


_TOOLS: tuple[tuple[Callable[[Record], bool], Callable[[Record], Record]], ...] = (
    (lambda r: "answer" in r and "text" in r, _prodigy),
    (lambda r: "data" in r and ("annotations" in r or "completions" in r), _label_studio),
    (lambda r: "annotation_id" in r or "lead_time" in r, _label_studio_min),
    (lambda r: "fields" in r and "responses" in r, _argilla),
    (lambda r: any(key.endswith(".responses") for key in r), _argilla_flat),
    (lambda r: "annotation" in r and "status" in r, _argilla_old),
)
"""(does the record come from this tool, its reader), tried in this order."""
