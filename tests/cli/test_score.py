import csv
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from detector.cli.common import PolicyName
from detector.model import POLICIES
from detector.readers import text
from detector.report.rows import COLUMNS
from tests.cli.conftest import ENVIRONMENT, ROOT, Detect
from tests.texts import GERMAN, HONEST, SPUN, STUFFED

SCHEMA = json.loads((ROOT / "docs" / "verdict.schema.json").read_text())
BOM = "\ufeff"


@pytest.fixture
def files(here: Path) -> Path:
    """One file of each kind that a verdict can be about."""
    (here / "honest.txt").write_text(HONEST)
    (here / "stuffed.md").write_text(STUFFED)
    (here / "german.txt").write_text(GERMAN)
    (here / "short.txt").write_text("Too short to tell.")
    (here / "empty.txt").touch()
    (here / "binary.txt").write_bytes(b"\0\1\2\3")
    return here


def test_statuses(detect: Detect, files: Path) -> None:
    assert detect("score", "honest.txt").status == 0
    assert detect("score", "stuffed.md").status == 1
    assert detect("score", "stuffed.md", "--exit-zero").status == 0
    assert detect("score", "stuffed.md", "gone.txt").status == 2
    assert detect("score", "stuffed.md", "gone.txt", "--exit-zero").status == 2
    assert detect("score", "short.txt", "german.txt", "empty.txt").status == 0


def test_one_bad_file_among_good_ones_is_a_record_of_its_own(detect: Detect, files: Path) -> None:
    answer = detect("score", "honest.txt", "binary.txt", "gone.txt", "stuffed.md")
    assert [r["id"] for r in answer.records] == ["honest.txt", "binary.txt", "gone.txt", "stuffed.md"]
    assert [r["status"] for r in answer.records] == ["scored", "failed", "failed", "scored"]
    assert "binary" in answer.records[1]["error"]
    assert "2 of 4 documents could not be read" in answer.err


def test_every_record_is_as_the_schema_says(detect: Detect, files: Path) -> None:
    (files / "a.jsonl").write_text('{"id": 5, "text": "x", "url": "http://x"}\n{broken\n')
    answer = detect("score", ".", "gone.txt", "--with-text")
    assert len(answer.records) == 9
    assert {r["status"] for r in answer.records} == {"scored", "too_short", "not_english", "failed"}
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    for record in answer.records:
        validator.validate(record)


def test_offsets_count_in_the_text_that_comes_back(detect: Detect, files: Path) -> None:
    (record,) = detect("score", "stuffed.md", "--with-text").records
    assert record["evidence"]
    for item in record["evidence"]:
        assert record["text"][item["start"] : item["end"]] == item["text"]


def test_jsonl_keeps_ids_and_a_broken_line_is_its_own_record(detect: Detect, here: Path) -> None:
    lines = [json.dumps({"id": "own", "text": STUFFED}), "{", json.dumps({"text": HONEST, "title": "T"})]
    (here / "x.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    answer = detect("score", "x.jsonl.gz", "--format", "jsonl")
    assert [(r["id"], r["status"]) for r in answer.records] == [
        ("own", "scored"), ("x.jsonl.gz:2", "failed"), ("x.jsonl.gz:3", "scored"),
    ]  # fmt: skip
    assert answer.status == 2


def test_encodings_give_the_same_verdict(detect: Detect, here: Path) -> None:
    words = STUFFED.replace("team", "équipe")
    for name in ("utf-8", "utf-16", "latin-1", "utf-8-sig"):
        (here / f"{name}.txt").write_bytes(words.encode(name))
    verdicts = [{**r, "id": ""} for r in detect("score", ".").records]
    assert len(verdicts) == 4
    assert all(verdict == verdicts[0] for verdict in verdicts)


def test_json_is_one_array(detect: Detect, files: Path) -> None:
    records = json.loads(detect("score", "honest.txt", "short.txt", "--format", "json").out)
    assert [r["id"] for r in records] == ["honest.txt", "short.txt"]


def test_csv_has_counts_instead_of_evidence(detect: Detect, files: Path) -> None:
    (files / 'a,"b.txt').write_text(STUFFED)
    answer = detect("score", 'a,"b.txt', "gone.txt", "--format", "csv")
    first, second = csv.DictReader(io.StringIO(answer.out))
    assert tuple(first) == COLUMNS
    assert (first["id"], first["verdict"], first["reasons"]) == ('a,"b.txt', "spam", "stuffed")
    assert int(first["evidence"]) > 0
    assert (second["status"], second["spun"]) == ("failed", "")
    bare = detect("score", "stuffed.md", "--format", "csv", "--no-explain")
    assert next(csv.DictReader(io.StringIO(bare.out)))["evidence"] == ""


def test_html_is_one_page_for_all(detect: Detect, files: Path) -> None:
    answer = detect("score", ".", "--format", "html")
    assert answer.out.startswith("<!doctype html>")
    assert "6 documents" in answer.out
    assert "stuffed.md" in answer.out


def test_human_shows_blocks_and_a_summary(detect: Detect, files: Path) -> None:
    answer = detect("score", "stuffed.md", "honest.txt", "--format", "human")
    assert " SPAM  stuffed.md  flagged for keyword stuffing" in answer.out
    assert "cheap plumber Leeds]" in answer.out
    assert "2 documents: 1 spam, 1 clean" in answer.out
    assert "\x1b[" not in answer.out


def test_no_explain_finds_no_evidence_and_the_same_scores(detect: Detect, files: Path) -> None:
    (full,) = detect("score", "stuffed.md").records
    (bare,) = detect("score", "stuffed.md", "--no-explain").records
    assert bare == {**full, "evidence": []}


def test_jobs_change_nothing(detect: Detect, here: Path) -> None:
    for i in range(40):
        (here / f"{i}.txt").write_text(f"{i} {SPUN if i % 3 else STUFFED}")
    assert (
        detect("score", ".", "--jobs", "3").out
        == detect("score", ".").out
        == detect("score", ".", "--jobs", "0").out
    )


def test_policies_and_rates(detect: Detect, files: Path) -> None:
    assert set(PolicyName) == set(POLICIES)
    for arguments in (["--policy", "precise"], ["--policy", "sensitive"], ["--fpr", "0.005"]):
        assert detect("score", "stuffed.md", *arguments).status == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["honest.txt", "--policy", "precise", "--fpr", "0.1"], "--policy and --fpr exclude each other"),
        (["honest.txt", "--fpr", "0.9"], "fpr must lie in (0, 0.5]"),
        (["honest.txt", "--fpr", "nan"], "fpr must lie in (0, 0.5]"),
        (["honest.txt", "--model", "nowhere"], "nowhere"),
        (["honest.txt", "--format", "csv", "--with-text"], "--with-text goes with"),
        ([], "nothing to score"),
        (["honest.txt", "--policy", "lax"], "'lax'"),
        (["honest.txt", "--output", "honest.txt"], "is an input as well"),
        (["honest.txt", "--output", "."], "can't be written"),
        (["honest.txt", "--from", "docx"], "'docx'"),
        (["honest.txt", "--jobs", "-1"], "greater than or equal to 0"),
    ],
)
def test_usage_errors_say_what_is_wrong(
    detect: Detect, files: Path, arguments: list[str], words: str
) -> None:
    answer = detect("score", *arguments)
    assert answer.status == 2
    assert words in " ".join(answer.err.replace("│", " ").split())
    assert answer.out == ""
    assert (files / "honest.txt").read_text() == HONEST


def test_a_folder_without_known_files_is_an_error(detect: Detect, here: Path) -> None:
    (here / "data.bin").touch()
    answer = detect("score", ".")
    assert answer.status == 2
    assert "no files with a known suffix" in answer.err


def test_output_is_written_whole_and_its_suffix_names_the_format(detect: Detect, files: Path) -> None:
    answer = detect("score", "stuffed.md", "honest.txt", "-o", "new/verdicts.csv")
    assert (answer.status, answer.out) == (1, "")
    assert (files / "new" / "verdicts.csv").read_text().startswith("id,url,status")
    assert [p.name for p in (files / "new").iterdir()] == ["verdicts.csv"]
    detect("score", "honest.txt", "-o", "new/verdicts.csv", "--format", "json")
    assert len(json.loads((files / "new" / "verdicts.csv").read_text())) == 1
    detect("score", "honest.txt", "-o", "verdicts.out")
    assert json.loads((files / "verdicts.out").read_text())["id"] == "honest.txt"


def test_a_device_is_written_to_not_replaced(detect: Detect, files: Path) -> None:
    assert detect("score", "honest.txt", "-o", "/dev/null").status == 0
    assert not Path("/dev/null").is_file()


def test_a_failed_run_leaves_the_old_output(
    detect: Detect, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "out.jsonl").write_text("old")
    monkeypatch.setattr("detector.cli.writers.JsonWriter.finish", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        detect("score", "honest.txt", "-o", "out.jsonl")
    assert (files / "out.jsonl").read_text() == "old"
    assert not list(files.glob(".out*"))


def test_an_interruption_keeps_what_was_written(
    detect: Detect, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.cli.progress import Progress

    (files / "out.json").write_text("old")

    def interrupt(self: Progress, counts: dict[str, int]) -> None:
        if sum(counts.values()) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "show", interrupt)
    answer = detect("score", "honest.txt", "short.txt", "german.txt", "-o", "out.json")
    assert answer.status == 130
    assert "interrupted after 2 documents" in answer.err
    assert (files / "out.json").read_text() == "old"
    assert [r["id"] for r in json.loads((files / "out.json.partial").read_text())] == [
        "honest.txt",
        "short.txt",
    ]


def test_names_and_texts_that_are_not_unicode_pass(detect: Detect, here: Path) -> None:
    name = os.fsdecode(b"bad\xff.txt")
    (here / name).write_text(HONEST)
    (here / "s.jsonl").write_text('{"id": "\\ud800", "text": "\\udc00 x"}\n')
    answer = detect("score", name, "s.jsonl", "--with-text")
    assert [r["id"] for r in answer.records] == [name, "\ud800"]
    assert detect("score", name, "s.jsonl", "--format", "html").status == 0
    assert detect("score", name, "s.jsonl", "--format", "human").status == 0
    assert detect("score", name, "s.jsonl", "--format", "csv").status == 0


def test_many_failures_keep_their_order_and_lose_nothing(detect: Detect, here: Path) -> None:
    lines = ["{" if i % 5 else json.dumps({"id": i, "text": f"number {i}"}) for i in range(1000)]
    (here / "x.jsonl").write_text("\n".join(lines))
    ids = [r["id"] for r in detect("score", "x.jsonl").records]
    assert ids == [f"x.jsonl:{i + 1}" if i % 5 else str(i) for i in range(1000)]


def test_a_text_beyond_the_limit_says_so(detect: Detect, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.scoring.MAX_CHARACTERS", 2000)
    monkeypatch.setattr(text, "MAX_TEXT_BYTES", 8000)
    (here / "long.txt").write_text(HONEST * 20)
    (record,) = detect("score", "long.txt").records
    assert record["truncated"] is True


def run(*arguments: str, bundle: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "detector", "score", "--model", str(bundle), *arguments]
    return subprocess.run(command, capture_output=True, timeout=300, check=False, env=ENVIRONMENT, **options)  # type: ignore[call-overload,no-any-return]


def test_standard_input_is_read_and_told_by_its_content(bundle: Path, here: Path) -> None:
    for data, id in ((STUFFED.encode(), "-"), (json.dumps({"id": "j", "text": STUFFED}).encode(), "j")):
        done = run("-", bundle=bundle, input=data)
        assert done.returncode == 1
        assert json.loads(done.stdout)["id"] == id


def test_a_broken_pipe_is_silent(bundle: Path, here: Path) -> None:
    (here / "x.jsonl").write_text((json.dumps({"text": STUFFED}) + "\n") * 400)
    command = f"{sys.executable} -m detector score --model {bundle} x.jsonl | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=300, check=False, env=ENVIRONMENT)
    assert done.stderr == b""
    assert json.loads(done.stdout)["id"] == "x.jsonl:1"


@pytest.mark.slow
def test_a_real_200_mb_file_takes_little_memory(bundle: Path, here: Path) -> None:
    line = (HONEST.replace("\n", " ") + "\n").encode()
    with open("big.txt", "wb") as file:
        for _ in range(200_000_000 // (1000 * len(line)) + 1):
            file.write(line * 1000)
    limit = "import resource, runpy; resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30)); runpy.run_module('detector', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", limit, "score", "--model", str(bundle), "--no-explain", "big.txt"],
        capture_output=True, timeout=300, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    record = json.loads(done.stdout)
    assert (record["status"], record["truncated"]) == ("scored", True)


@pytest.mark.slow
def test_a_hundred_thousand_files_lose_nothing(bundle: Path, here: Path) -> None:
    for folder in range(100):
        (here / "many" / f"{folder:02}").mkdir(parents=True)
        for i in range(1000):
            (here / "many" / f"{folder:02}" / f"{i:03}.txt").write_text("Short.")
    done = run("many", "--no-explain", bundle=bundle)
    assert done.returncode == 0
    ids = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    assert len(ids) == 100_000
    assert ids == sorted(ids)
