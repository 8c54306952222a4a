"""`detector suggest`: a file to fill in, and its way into the store of labels."""

import csv
import io
import random
from pathlib import Path

import pytest

from tests.cli.conftest import Detect
from tests.texts import HONEST, STUFFED


@pytest.fixture
def corpus(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETECTOR_HOME", str(here / "home"))
    rng = random.Random(1)
    folder = here / "corpus"
    folder.mkdir()
    sentences = HONEST.split(". ") + STUFFED.split(". ")
    for i in range(30):
        (folder / f"{i:02}.txt").write_text(". ".join(rng.choices(sentences, k=12)))
    return folder


def test_suggest_fill_in_add_and_suggest_again(detect: Detect, corpus: Path, here: Path) -> None:
    answer = detect("suggest", "corpus", "-n", "8", "-o", "todo.csv")
    assert answer.status == 0
    assert "8 documents to label" in answer.err
    rows = list(csv.DictReader(io.StringIO((here / "todo.csv").read_text())))
    assert len(rows) == 8
    assert all(row["why"] and row["text"] and not row["spun"] for row in rows)
    rows[0]["spun"], rows[1]["stuffed"] = "1", "0"
    with (here / "todo.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert detect("labels", "add", "todo.csv", "--annotator", "anna").out.startswith("2 labels added")
    texts = {record["text"] for record in detect("suggest", "corpus", "-n", "30").records}
    assert len(texts) == 28
    assert not texts & {rows[0]["text"], rows[1]["text"]}


def test_what_cannot_be_read_is_said_and_the_rest_used(detect: Detect, corpus: Path) -> None:
    answer = detect("suggest", "corpus", "gone.txt", "-n", "3")
    assert answer.status == 2
    assert len(answer.records) == 3
    assert "gone.txt: no such file" in answer.err


def test_nothing_to_suggest(detect: Detect, corpus: Path, here: Path) -> None:
    (here / "short.txt").write_text("Too short.")
    answer = detect("suggest", "short.txt")
    assert answer.status == 2
    assert "nothing to suggest" in answer.err
