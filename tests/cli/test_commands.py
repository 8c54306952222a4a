"""`explain`, `model`, `lexicon`, `spin`, and the root: what each prints, and how each fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from detector import __version__
from tests.cli.conftest import ENVIRONMENT, Detect
from tests.texts import HONEST, STUFFED


def test_the_version_and_help(detect: Detect) -> None:
    assert detect("--version").out == f"detector {__version__}\n"
    shown = detect("--help")
    assert shown.status == 0
    for words in ("detector score article.txt", "detector explain", "score", "spin", "lexicon"):
        assert words in shown.out
    assert "--exit-zero" in detect("score", "--help").out


def test_explain_writes_a_page_and_says_where(detect: Detect, here: Path) -> None:
    (here / "pages").mkdir()
    (here / "pages" / "stuffed.txt").write_text(STUFFED)
    answer = detect("explain", "pages/stuffed.txt")
    assert answer.status == 1
    assert answer.out.splitlines() == [
        "pages/stuffed.txt: spam, flagged for keyword stuffing", "Report: stuffed.report.html",
    ]  # fmt: skip
    assert "cheap plumber Leeds" in (here / "stuffed.report.html").read_text()
    assert detect("explain", "pages/stuffed.txt", "-o", "build/x.html", "--exit-zero").status == 0
    assert (here / "build" / "x.html").exists()


def test_explain_can_write_to_standard_output(detect: Detect, here: Path) -> None:
    (here / "a.txt").write_text(HONEST)
    answer = detect("explain", "a.txt", "-o", "-")
    assert answer.status == 0
    assert answer.out.startswith("<!doctype html>")


def test_explain_of_nothing_readable_writes_no_report(detect: Detect, here: Path) -> None:
    answer = detect("explain", "gone.txt")
    assert answer.status == 2
    assert "gone.txt: no such file" in answer.err
    assert not list(here.iterdir())


def test_explain_of_many_records_reports_all_and_names_the_bad(detect: Detect, here: Path) -> None:
    (here / "x.jsonl").write_text(
        json.dumps({"id": "a", "text": STUFFED}) + "\n{\n" + json.dumps({"text": HONEST})
    )
    answer = detect("explain", "x.jsonl")
    assert answer.status == 2
    assert "x.jsonl:2: line 2 is not valid JSON" in answer.err
    assert "3 documents" in (here / "x.report.html").read_text()


def test_model_info(detect: Detect) -> None:
    shown = detect("model", "info").out
    for words in ("test@1.2.3#", "precise", "at most 0.1 %", "sensitive"):
        assert words in shown
    info = json.loads(detect("model", "info", "--format", "json").out)
    assert info["version"] == "1.2.3"
    answer = detect("model", "info", "--model", "gone")
    assert answer.status == 2
    assert "gone" in answer.err


def test_spin_is_repeatable_and_keeps_the_record(detect: Detect, here: Path) -> None:
    (here / "a.txt").write_text(HONEST)
    answer = detect("spin", "a.txt", "--profile", "B", "--seed", "3", "--format", "json")
    spun = json.loads(answer.out)
    assert spun["slots"]
    at, original = 0, []
    for slot in spun["slots"]:
        original += [spun["text"][at : slot["start"]], slot["original"]]
        at = slot["end"]
    assert "".join(original) + spun["text"][at:] == HONEST
    assert detect("spin", "a.txt", "--seed", "3").out.rstrip("\n") == spun["text"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["spin", "a.txt", "--profile", "Z"], "no spinner profile 'Z'; there are A, B"),
        (["spin", "gone.txt"], "gone.txt: no such file"),
        (["lexicon", "build", "--counts", "no", "--wordnet", ".", "--moby", ".", "--output", "x"], "--counts no: no such"),
        (["lexicon", "build", "--counts", ".", "--wordnet", ".", "--moby", ".", "--output", "a.txt"], "a.txt is a file"),
    ],
)  # fmt: skip
def test_errors_are_one_line_that_helps(detect: Detect, here: Path, arguments: list[str], words: str) -> None:
    (here / "a.txt").write_text(HONEST)
    answer = detect(*arguments)
    assert answer.status == 2
    assert words in answer.err
    assert answer.err.count("\n") == 1


def test_lexicon_build_names_the_missing_source(detect: Detect, here: Path) -> None:
    answer = detect("lexicon", "build", "--counts", ".", "--wordnet", ".", "--moby", ".", "--output", "x")
    assert answer.status == 2
    assert "tortured_phrases" in answer.err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_in_a_terminal_the_answer_is_for_people_and_coloured(bundle: Path, here: Path) -> None:
    (here / "a.txt").write_text(STUFFED)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "detector", "score", "a.txt", "--model", str(bundle)]
    env = ENVIRONMENT | {"TERM": "xterm-256color", "COLUMNS": "100"}
    env.pop("NO_COLOR", None)
    subprocess.run(command, stdout=theirs, stderr=theirs, stdin=theirs, timeout=300, check=False, env=env)
    shown = os.read(ours, 1 << 16).decode()
    assert "SPAM" in shown
    assert "\x1b[1;" in shown


def test_help_and_version_are_quick_and_load_no_numbers() -> None:
    code = "import sys; from detector.cli import app; print({'numpy', 'numba', 'sklearn', 'rich.console'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], env=ENVIRONMENT) == b"set()\n"


def test_scoring_a_file_leaves_scipy_linalg_out_and_others_find_it(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("These are some plain words. " * 30)
    code = f"""
import sys
from detector.cli import app
app(["score", {str(file)!r}], standalone_mode=False)
print("scipy.linalg" in sys.modules)
import scipy.linalg.cython_blas
"""
    shown = subprocess.check_output([sys.executable, "-c", code], env=ENVIRONMENT, text=True)
    assert shown.splitlines()[-1] == "False"
