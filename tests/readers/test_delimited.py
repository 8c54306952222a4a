import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Document
from detector.readers import Failure, base, read_file
from detector.readers.delimited import read_delimited


def parse(text: str, encoding: str = "utf-8") -> list[Document | Failure]:
    return list(read_delimited(io.BufferedReader(io.BytesIO(text.encode(encoding))), "f.csv"))


def test_columns_are_found_by_name_and_the_rest_is_ignored() -> None:
    records = parse('label,ID, Text ,url\n1,a,"One, two\nthree",http://x\n0,,Four,\n')
    assert records == [Document("One, two\nthree", "a", "http://x"), Document("Four", "f.csv:4")]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_the_delimiter_is_the_header_s(sign: str) -> None:
    assert parse(f"id{sign}text\n1{sign}Hello\n") == [Document("Hello", "1")]


def test_excel_s_encodings_are_read() -> None:
    assert parse("id\ttext\n1\tStraße\n", "utf-16") == [Document("Straße", "1")]
    assert parse("id,text\n1,Straße – “x”\n", "cp1252") == [Document("Straße – “x”", "1")]
    assert parse("id,text\n1,x\n", "utf-8-sig") == [Document("x", "1")]


def test_a_row_without_its_text_fails_alone() -> None:
    first, second = parse("id,text\n1\n2,fine\n")
    assert isinstance(first, Failure)
    assert (first.id, second) == ("1", Document("fine", "2"))


def test_without_a_text_column_the_file_fails_and_shows_its_header() -> None:
    (record,) = parse("id,body\n1,x\n")
    assert isinstance(record, Failure)
    assert "id,body" in record.reason


def test_empty_and_binary_files_fail() -> None:
    for content, reason in (("", "empty"), ("id,text\n\0\0", "binary")):
        (record,) = parse(content)
        assert isinstance(record, Failure)
        assert reason in record.reason


def test_a_header_that_is_no_csv_fails() -> None:
    """Found by fuzzing: a carriage return in the first line."""
    (record,) = parse("a\rtext\n1\n")
    assert isinstance(record, Failure)
    assert "no `text` column" in record.reason


def test_an_over_long_line_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_LINE_BYTES", 50)
    first, second, third = parse(f"id,text\n1,a\n2,{'x' * 500}\n3,c\n")
    assert (first, third) == (Document("a", "1"), Document("c", "3"))
    assert isinstance(second, Failure)
    assert second.id == "f.csv:3"


def test_a_tsv_of_many_rows_streams(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("text\tid\n" + "".join(f"row\t{i}\n" for i in range(3000)))
    records = read_file(str(path))
    assert next(records) == Document("row", "0")
    assert len(list(records)) == 2999


@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))).map(str.strip), min_size=1, max_size=8)
)
def test_what_the_csv_module_wrote_is_read_back(texts: list[str]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "text"])
    writer.writerows(enumerate(texts))
    assert [(r.id, r.text) for r in parse(out.getvalue()) if isinstance(r, Document)] == [
        (str(i), text) for i, text in enumerate(texts)
    ]
