import json
from pathlib import Path

import pytest

from tests.cli.conftest import Detect
from tests.readers.warcs import answer, members, page, record
from tests.texts import HONEST, STUFFED


@pytest.fixture
def archive(here: Path) -> str:
    pytest.importorskip("resiliparse")
    stuffed = f"<title>Plumber</title><main><p>{STUFFED}</p></main>".encode()
    (here / "a.warc.gz").write_bytes(members(page(1), record(2, answer(stuffed)), page(3)))
    return "a.warc.gz"


def test_a_bulk_run_says_what_it_did_and_goes_on_from_where_it_is(
    detect: Detect, here: Path, archive: str
) -> None:
    for expected in (
        "complete: 3 documents (2 clean, 1 spam)\n",
        "(2 clean, 1 spam), 3 of them before this start\n",
    ):
        answered = detect("score", archive, "--output-dir", "out", "--no-explain", "--part-size", "2")
        assert (answered.status, answered.out) == (1, "")
        assert expected in answered.err
    assert sorted(path.name for path in (here / "out").glob("part-*")) == [
        "part-00000.jsonl",
        "part-00001.jsonl",
    ]
    assert (
        detect(
            "score", archive, "--output-dir", "out", "--no-explain", "--part-size", "2", "--exit-zero"
        ).status
        == 0
    )


def test_records_are_the_same_as_without_a_folder(detect: Detect, here: Path, archive: str) -> None:
    detect("score", archive, "--output-dir", "out")
    lines = (here / "out" / "part-00000.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == detect("score", archive).records


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output-dir", "out", "-o", "x.jsonl"], "exclude each other"),
        (["--output-dir", "out", "--format", "html"], "--output-dir takes --format jsonl, csv, parquet"),
        (["--output-dir", "out", "--format", "csv", "--with-text"], "not csv"),
        (["--output-dir", "out", "gone.txt"], "gone.txt"),
        (["--output-dir", "a.txt"], "can't be written"),
        (["-o", "s3://bucket/x.jsonl"], "only --output-dir of 'detector score' writes to URLs"),
        (["--output-dir", "https://example.invalid/x"], "a web server takes no files"),
        (["--part-size", "5"], "goes with --output-dir"),
        (["--format", "parquet"], "goes with --output-dir"),
        (["--extraction", "slow"], "'slow'"),
    ],
)
def test_usage_errors(detect: Detect, here: Path, arguments: list[str], words: str) -> None:
    (here / "a.txt").write_text(HONEST)
    answered = detect("score", "a.txt", *arguments)
    assert answered.status == 2
    assert words in " ".join(answered.err.replace("│", " ").split())


def test_another_setting_is_refused_with_the_reason(detect: Detect, here: Path) -> None:
    (here / "a.txt").write_text(HONEST)
    assert detect("score", "a.txt", "--output-dir", "out").status == 0
    answered = detect("score", "a.txt", "--output-dir", "out", "--policy", "precise")
    assert answered.status == 2
    assert "policy was balanced, now is precise" in answered.err


def test_extraction_is_an_option(detect: Detect, here: Path) -> None:
    pytest.importorskip("trafilatura")
    (here / "a.html").write_text(
        f"<title>T</title><main><article><p>{HONEST}</p></article></main><footer>Foot notes</footer>"
    )
    for name in ("fast", "precise"):
        (found,) = detect("score", "a.html", "--extraction", name, "--with-text").records
        assert "old bakery" in found["text"], name
