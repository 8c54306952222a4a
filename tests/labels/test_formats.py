"""Files of labels as people and tools write them; bad records are named and cost no good ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.labels import Label, LabelError
from detector.labels.formats import Line, read_labels
from detector.readers.base import Failure

TEXT = "The rope is strong sufficient to hold a boat."


def read_text(tmp_path: Path, content: str | bytes, name: str = "labels.jsonl") -> list[Line | Failure]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_labels(str(path)))


def only(tmp_path: Path, record: Any) -> Label:
    (item,) = read_text(tmp_path, json.dumps(record))
    assert isinstance(item, Line), item
    return item.label


def test_our_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    labels = [
        Label(TEXT, 1, 0, "forum", "anna", "2026-03-31", "p1", "a", ((19, 29),)),
        Label("b", None, 0),
        Label("c", 0, annotator="ben"),
    ]
    lines = "\n".join(json.dumps(label.to_dict()) for label in labels)
    items = read_text(tmp_path, lines)
    assert items == [Line(i, label) for i, label in enumerate(labels, 1)]


def test_csv_with_and_without_all_columns(tmp_path: Path) -> None:
    full = (
        'id,text,spun,stuffed,source,annotator,date,pair\n7,"a\nb",1,,shop,anna,2026-01-01,p\nx,c,0,1,,,,\n'
    )
    assert read_text(tmp_path, full, "full.csv") == [
        Line(2, Label("a\nb", 1, None, "shop", "anna", "2026-01-01", "p", "7")),
        Line(4, Label("c", 0, 1, id="x")),
    ]
    short = "text;label\none;spun\ntwo;0\nthree;clean\nfour;both\nfive;not stuffed\n"
    found = [item.label for item in read_text(tmp_path, short, "short.csv") if isinstance(item, Line)]
    assert [(label.spun, label.stuffed) for label in found] == [
        (1, None), (0, None), (0, 0), (1, 1), (None, 0),
    ]  # fmt: skip


def test_what_the_records_do_not_say_is_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label,annotator\na,1,\nb,0,ben\n")
    found = [item.label for item in read_labels(str(path), "anna", "shop") if isinstance(item, Line)]
    assert [(label.annotator, label.source) for label in found] == [("anna", "shop"), ("ben", "shop")]


def test_prodigy(tmp_path: Path) -> None:
    base = {"text": TEXT, "_annotator_id": "anna", "_timestamp": 1767225600, "meta": {"source": "shop"}}
    known = {"source": "shop", "annotator": "anna", "date": "2026-01-01T00:00:00+00:00"}
    accepted = {
        **base,
        "label": "SPUN",
        "answer": "accept",
        "spans": [{"start": 19, "end": 29, "label": "SPUN"}],
    }
    assert only(tmp_path, accepted) == Label(TEXT, 1, None, spans=((19, 29),), **known)
    assert only(tmp_path, {**base, "label": "SPUN", "answer": "reject"}) == Label(TEXT, 0, None, **known)
    assert (
        only(tmp_path, {**base, "accept": ["spun", "stuffed"], "answer": "accept"}).words == "spun, stuffed"
    )
    assert only(tmp_path, {**base, "accept": [], "answer": "accept"}).words == "clean"
    assert only(tmp_path, {**base, "answer": "accept", "spans": []}) == Label(TEXT, 0, None, **known)
    assert read_text(tmp_path, json.dumps({**base, "label": "SPUN", "answer": "ignore"})) == []


def test_label_studio(tmp_path: Path) -> None:
    choice = {"type": "choices", "from_name": "label", "value": {"choices": ["Spun"]}}
    region = {"type": "labels", "value": {"start": 19, "end": 29, "text": "sufficient", "labels": ["Swap"]}}
    done = {"completed_by": {"id": 3, "email": "anna@example.org"}, "created_at": "2026-01-02T03:04:05.678Z"}
    task = {
        "id": 12,
        "data": {"text": TEXT, "source": "shop"},
        "annotations": [
            {**done, "was_cancelled": True, "result": []},
            {**done, "was_cancelled": False, "result": [choice, region]},
        ],
    }
    empty = {"id": 13, "data": {"text": "x"}, "annotations": []}
    (item,) = read_text(tmp_path, json.dumps([task, empty], indent=1), "export.json")
    assert item == Line(
        1, Label(TEXT, 1, None, "shop", "anna@example.org", done["created_at"], "", "12", ((19, 29),))
    )
    small = {"text": TEXT, "id": 1, "label": "Clean", "annotator": 3, "annotation_id": 9, "lead_time": 4.2}
    assert only(tmp_path, [small]) == Label(TEXT, 0, 0, annotator="3", id="1")
    rows = 'annotation_id,annotator,created_at,id,lead_time,quality,text\n9,3,2026-01-02T03:04:05Z,1,4.2,Stuffed,"a, b"\n'
    (row,) = read_text(tmp_path, rows, "export.csv")
    assert row == Line(2, Label("a, b", None, 1, annotator="3", date="2026-01-02T03:04:05Z", id="1"))


def test_argilla(tmp_path: Path) -> None:
    new = {
        "id": "r1",
        "fields": {"text": TEXT},
        "metadata": {"source": "shop", "pair": "p"},
        "responses": {
            "label": [
                {"value": "clean", "user_id": "u0", "status": "draft"},
                {"value": "spun", "user_id": "u1", "status": "submitted"},
            ]
        },
    }
    assert only(tmp_path, new) == Label(TEXT, 1, None, "shop", "u1", "", "p", "r1")
    flat = {"id": "r1", "text": TEXT, "label.responses": ["spun"], "label.responses.users": ["u1"],
            "label.responses.status": ["submitted"]}  # fmt: skip
    assert only(tmp_path, flat) == Label(TEXT, 1, None, annotator="u1", id="r1")
    old = {"id": "r1", "inputs": {"text": TEXT}, "annotation": "stuffed", "annotation_agent": "anna",
           "status": "Validated", "event_timestamp": "2026-01-02T03:04:05", "metadata": {}}  # fmt: skip
    assert only(tmp_path, old) == Label(TEXT, None, 1, annotator="anna", date="2026-01-02T03:04:05", id="r1")
    assert read_text(tmp_path, json.dumps({**flat, "label.responses": None})) == []


BAD = {
    '{"text": "a", "spun": 2}': "`spun` is '2', expected 1, 0 or nothing",
    '{"text": "a", "spun": null}': "neither `spun` nor `stuffed`",
    '{"text": "a"}': "neither `spun` nor `stuffed` nor `label`",
    '{"spun": 1}': "there is no `text`",
    '{"text": " ", "spun": 1}': "`text` is empty",
    '{"text": 3, "spun": 1}': "`text` is int",
    '{"text": "a", "label": "spam"}': "the label 'spam' is none of spun, not spun",
    '{"text": "a", "spun": 1, "date": "yesterday"}': "`date` is 'yesterday', expected ISO 8601",
    '{"text": "a", "spun": 1, "date": 1e400}': "`date`",
    '{"text": "a", "spun": 1, "spans": [[0, 2]]}': "the span 0-2 does not lie in the text",
    '{"text": "a", "spun": 1, "spans": [[0, "x"]]}': "not pairs",
    '{"text": "a", "spun": 1, "spans": 7}': "not built as its tool",
    '{"text": "a", "spun": 1, "annotator": ["b"]}': "`annotator` is list",
    '{"text": "a", "answer": "accept", "accept": ["spun", "not spun"]}': "contradict each other",
    '{"data": {}, "annotations": []}': "has no `text`",
    '{"fields": 1, "responses": {"a": [{"value": 1}]}}': "not built as its tool",
    '{"text": "a", "spun": 1': "not valid JSON",
    "{" * 3000: "not valid JSON",
    '{"a":' + "[" * 200_000: "nested too deeply",
    "{\xff}": "not valid JSON",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_record_is_named_and_the_others_are_read(tmp_path: Path, line: str) -> None:
    good = '{"text": "good", "spun": 1}'
    items = read_text(tmp_path, f"{good}\n{line}\n\n{good}\n")
    assert [item.number for item in items if isinstance(item, Line)] == [1, 4]
    (failure,) = (item for item in items if isinstance(item, Failure))
    assert failure.id == f"{tmp_path / 'labels.jsonl'}:2"
    assert BAD[line] in failure.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no labels"),
        (b"%PDF-1.4", "a PDF"),
        (b"name,label\nx,1\n", "neither JSON nor CSV with a `text` column"),
        (b"[1, 2", "not valid JSON"),
        (b"[[]]", "not an object"),
        (b"\xff\xfe{\0", "not valid JSON"),
    ],
)
def test_a_file_that_holds_no_labels_says_so(tmp_path: Path, content: bytes, reason: str) -> None:
    (failure,) = read_text(tmp_path, content)
    assert isinstance(failure, Failure)
    assert reason in failure.reason


def test_gzip_and_paths_that_are_not_there(tmp_path: Path) -> None:
    record = b'{"text": "a", "spun": 1}\n'
    assert read_text(tmp_path, gzip.compress(record), "a.jsonl.gz") == [Line(1, Label("a", 1))]
    (missing,) = read_labels(str(tmp_path / "absent.jsonl"))
    assert isinstance(missing, Failure)
    assert "no such file" in missing.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    "text spun stuffed label spans answer accept data annotations fields responses annotation status id date "
    "annotator meta metadata inputs a.responses a.responses.users a.responses.status annotation_id _timestamp".split()
)


@given(records=st.lists(st.dictionaries(keys, json_values, max_size=6), max_size=4), array=st.booleans())
def test_no_record_whatever_it_holds_raises(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], array: bool
) -> None:
    content = json.dumps(records) if array else "\n".join(map(json.dumps, records))
    for item in read_text(tmp_path_factory.getbasetemp(), content):
        assert isinstance(item, Line | Failure)


@given(content=st.binary(max_size=300))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    items = read_text(tmp_path_factory.getbasetemp(), content, "bytes")
    assert items


@pytest.mark.parametrize(
    "fields", [{"spun": 1, "source": "x" * 201}, {"spun": True, "text": "x" * 1_000_001}]
)
def test_what_is_too_large_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(LabelError, match="more than"):
        Label(**{"text": "a", **fields})
