import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from detector.document import Document, ZoneKind
from detector.readers import Failure, read_file
from tests.readers.warcs import PROSE, html

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, columns: dict[str, Any], **options: Any) -> str:
    parquet.write_table(pa.table(columns), path, **options)
    return str(path)


def test_rows_become_documents_with_their_ids(tmp_path: Path) -> None:
    count = 300
    path = write(
        tmp_path / "a.parquet",
        {"n": range(count), "URL": [f"https://x/{i}" for i in range(count)], "ID": range(count),
         "text": [f"text {i}" for i in range(count)], "title": ["A title", *[None] * (count - 1)]},
        row_group_size=70,
    )  # fmt: skip
    first, *rest = read_file(path)
    assert isinstance(first, Document)
    assert (first.id, first.url, first.text) == ("0", "https://x/0", "text 0\n\nA title")
    assert [zone.kind for zone in first.zones] == [ZoneKind.TITLE]
    assert rest == [Document(f"text {i}", str(i), f"https://x/{i}") for i in range(1, count)]


def test_pages_in_a_column_are_extracted(tmp_path: Path) -> None:
    pytest.importorskip("resiliparse")
    for values in ([html(1)], [html(1).decode()]):
        (record,) = read_file(write(tmp_path / "a.parquet", {"html": values}))
        assert isinstance(record, Document)
        assert PROSE[:30] in record.text


def test_a_row_without_text_fails_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a", None, "c"]})
    records = list(read_file(path))
    assert [isinstance(record, Failure) for record in records] == [False, True, False]
    assert [record.id for record in records] == [f"{path}:1", f"{path}:2", f"{path}:3"]


def test_what_is_no_table_of_texts_fails(tmp_path: Path) -> None:
    for name, data in (
        ("cut.parquet", b"PAR1" + b"x" * 100),
        ("empty.parquet", b""),
        ("zip.parquet.gz", b"\x1f\x8b"),
    ):
        (tmp_path / name).write_bytes(data)
        (record,) = read_file(str(tmp_path / name))
        assert isinstance(record, Failure), name
    (record,) = read_file(write(tmp_path / "a.parquet", {"body": ["x"], "other": [1]}))
    assert isinstance(record, Failure)
    assert "its columns are body, other" in record.reason


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    path = Path(
        write(tmp_path / "a.parquet", {"text": [f"text {i} " * 50 for i in range(1000)]}, row_group_size=100)
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = b"\xff" * 2000
    path.write_bytes(data)
    *records, last = read_file(str(path))
    assert isinstance(last, Failure)
    assert all(isinstance(record, Document) for record in records)
    assert len(records) >= 100


DAMAGE = """
import io
import pyarrow, pyarrow.parquet
from detector.readers import FORMATS
from tests.invariants import read_bytes
out = io.BytesIO()
pyarrow.parquet.write_table(pyarrow.table({"text": ["a", None, "c"], "id": [1, 2, 3]}), out)
file = bytearray(out.getvalue())
for at in range(len(file) - 8 - int.from_bytes(file[-8:-4], "little"), len(file) - 8):
    kept = file[at]
    for file[at] in (0, 1, 127, 255, kept ^ 16):
        print(at, file[at], flush=True)
        read_bytes(FORMATS["parquet"].read, bytes(file))
    file[at] = kept
"""


def test_no_damage_of_the_footer_ends_the_process() -> None:
    """Found by fuzzing: pyarrow calls abort() when asked for the sizes of a column whose statistics are damaged."""
    done = subprocess.run([sys.executable, "-c", DAMAGE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10:] + done.stderr


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet", {"text": ["0" * (80 << 20)]}, compression="zstd", use_dictionary=False
    )
    (record,) = read_file(path)
    assert isinstance(record, Failure)
    assert "bomb" in record.reason


def test_unnamed_tables_are_told_by_their_content(tmp_path: Path) -> None:
    path = write(tmp_path / "table", {"text": ["a"]})
    assert list(read_file(path)) == [Document("a", f"{path}:1")]
