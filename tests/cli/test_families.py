"""`families`: a folder in, groups out."""

import json
from pathlib import Path

import pytest

from detector.document import Document
from tests.cli.conftest import Detect
from tests.families.conftest import KINDS, SPUN, article, corpus, originals

__all__ = ["corpus", "originals"]


@pytest.fixture
def crawl(here: Path, corpus: list[Document]) -> Path:
    path = here / "crawl.jsonl"
    path.write_text("".join(json.dumps({"id": d.id, "text": d.text, "url": d.url}) + "\n" for d in corpus))
    return path


def test_one_line_for_each_member(detect: Detect, crawl: Path, corpus: list[Document]) -> None:
    answer = detect("families", "crawl.jsonl")
    assert answer.status == 0
    assert len(answer.records) == SPUN * len(KINDS)
    assert f"{len(corpus)} documents, {SPUN} families with {SPUN * len(KINDS)} of them" in answer.err
    texts = {document.id: document for document in corpus}
    for record in answer.records:
        assert record["url"] == texts[record["id"]].url
        assert record["size"] == len(KINDS)
        assert all(
            texts[record["id"]].text[slot["start"] : slot["end"]].split() == slot["text"].split()
            for slot in record["slots"]
        )
    by_family = {(record["family"], article(record["id"])) for record in answer.records}
    assert len(by_family) == SPUN


def test_the_suffix_of_the_output_tells_the_format(detect: Detect, crawl: Path, here: Path) -> None:
    assert detect("families", "crawl.jsonl", "-o", "out.html").status == 0
    assert (here / "out.html").read_text().startswith("<!doctype html>")
    assert detect("families", "crawl.jsonl", "-o", "out.txt").status == 0
    assert (here / "out.txt").read_text().startswith("Family 1: 4 documents, ")
    assert detect("families", "crawl.jsonl", "-o", "out.jsonl").status == 0
    assert json.loads((here / "out.jsonl").read_text().splitlines()[0])["family"] == 1


def test_what_can_not_be_read_is_told_and_the_rest_is_grouped(detect: Detect, crawl: Path) -> None:
    with crawl.open("a") as lines:
        lines.write("not json\n")
    answer = detect("families", "crawl.jsonl", "gone.txt")
    assert answer.status == 2
    assert len(answer.records) == SPUN * len(KINDS)
    assert "gone.txt: no such file" in answer.err
    assert "crawl.jsonl:" in answer.err


def test_usage_errors(detect: Detect, here: Path) -> None:
    assert "expected a number in (0, 1]" in detect("families", ".", "--similarity", "2").err
    (here / "empty").mkdir()
    answer = detect("families", "empty")
    assert answer.status == 2
    assert "no documents in empty" in answer.err
