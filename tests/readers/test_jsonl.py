import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document, Zone, ZoneKind
from detector.readers import Failure, base, read_file
from detector.readers.base import Line
from detector.readers.jsonl import parse_line

LINES = [
    '{"id": "a-1", "text": "The kettle boiled twice.", "url": "https://example.org/a"}',
    "",
    '{"id": 7, "text": "Nobody drank the tea."}',
    '{"text": "No id here.", "title": "A title"}',
    '{"id": "x", "text": 3}',
    '{"id": [1], "text": "t"}',
    '{"id": "y"}',
    "{broken",
    '["a list"]',
    '{"id": true, "text": "", "url": 5}',
]


def write(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_each_line_gives_its_own_record_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "pages.jsonl", LINES)
    records = list(read_file(path))
    assert records[:3] == [
        Document("The kettle boiled twice.", "a-1", "https://example.org/a"),
        Document("Nobody drank the tea.", "7"),
        Document("No id here.\n\nA title", f"{path}:4", None, (Zone(ZoneKind.TITLE, 13, 20),)),
    ]
    failures = [record for record in records[3:8] if isinstance(record, Failure)]
    assert [failure.id for failure in failures] == ["x", f"{path}:6", "y", f"{path}:8", f"{path}:9"]
    for failure, number, reason in zip(
        failures,
        (5, 6, 7, 8, 9),
        ("`text` is a number", "`id` is an array", "there is no `text`", "not valid JSON", "is an array"),
        strict=True,
    ):
        assert f"line {number}" in failure.reason
        assert reason in failure.reason
    assert records[8:] == [Document("", "true")]


def test_offsets_of_a_titled_record_count_from_its_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [json.dumps({"text": "body", "title": "title"})])
    (record,) = read_file(path)
    assert isinstance(record, Document)
    assert record.text.startswith("body")


def test_gzip_utf16_and_a_mark_are_read(tmp_path: Path) -> None:
    line = '{"id": "é", "text": "Straße"}\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    (tmp_path / "b.jsonl").write_text(line * 3000, encoding="utf-16")
    (tmp_path / "c.ndjson").write_text(line, encoding="utf-8-sig")
    for name, count in (("a.jsonl.gz", 1), ("b.jsonl", 3000), ("c.ndjson", 1)):
        assert list(read_file(str(tmp_path / name))) == [Document("Straße", "é")] * count


def test_a_cut_off_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": i, "text": str(hash((i, "x")))}) + "\n" for i in range(20_000))
    data = gzip.compress(lines.encode())
    (tmp_path / "cut.jsonl.gz").write_bytes(data[: len(data) // 2])
    records = list(read_file(str(tmp_path / "cut.jsonl.gz")))
    assert [record.id for record in records[:-1]] == [str(i) for i in range(len(records) - 1)]
    assert len(records) > 1000
    assert isinstance(records[-1], Failure)
    assert "reading stopped here" in records[-1].reason


def test_what_is_named_gz_but_is_not_fails(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", LINES)
    (record,) = read_file(path)
    assert isinstance(record, Failure)


def test_a_line_over_the_limit_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_LINE_BYTES", 100)
    long = json.dumps({"id": "long", "text": "x" * 5000})
    path = write(tmp_path / "a.jsonl", ['{"id": 1, "text": "a"}', long, '{"id": 3, "text": "c"}'])
    first, second, third = read_file(path)
    assert (first, third) == (Document("a", "1"), Document("c", "3"))
    assert isinstance(second, Failure)
    assert "line 2 is longer" in second.reason


def test_the_end_of_an_endless_line_is_not_looked_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_LINE_BYTES", 10)
    monkeypatch.setattr(base, "MIB", 50)
    monkeypatch.setattr(base, "MAX_SKIPPED_BYTES", 200)
    path = write(tmp_path / "a.jsonl", ["x" * 100_000, '{"text": "never reached"}'])
    assert len(list(read_file(path))) == 1


def test_an_empty_file_fails(tmp_path: Path) -> None:
    (record,) = read_file(write(tmp_path / "a.jsonl", ["", ""]))
    assert isinstance(record, Failure)
    assert "empty" in record.reason


def test_nesting_bad_utf8_and_huge_numbers_fail_with_words() -> None:
    for data, reason in (
        (b"[" * 100_000, "nested"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b'{"id": ' + b"9" * 5000 + b', "text": ""}', "not valid JSON"),
    ):
        record = parse_line(Line(3, data), "p:3")
        assert isinstance(record, Failure)
        assert reason in record.reason


@given(st.text(), st.one_of(st.text(), st.integers(), st.booleans()))
def test_text_and_id_come_back_as_written(written: str, id: str | int | bool) -> None:
    record = parse_line(Line(1, json.dumps({"id": id, "text": written}).encode()), "p:1")
    assert record == Document(written, id if isinstance(id, str) else json.dumps(id))


@given(st.binary(max_size=80))
def test_any_line_gives_a_record(data: bytes) -> None:
    assert isinstance(parse_line(Line(1, data), "p:1"), Document | Failure)
