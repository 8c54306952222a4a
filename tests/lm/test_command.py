"""`detector score` with a language model in the cache folder that the shipped last stage was not fitted to."""

from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from detector.cli import app
from detector.lm.folder import default_folder, is_ready
from tests.texts import HONEST


@pytest.fixture
def other_reader(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETECTOR_CACHE", str(tmp_path / "cache"))
    assert not is_ready()
    copytree(folder, default_folder())
    assert is_ready()
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(HONEST)


@pytest.mark.usefixtures("other_reader")
def test_a_single_document_is_scored_without_it_and_with_a_warning() -> None:
    done = CliRunner().invoke(app, ["score", "a.txt"])
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert "scoring without the language model" in done.stderr
    assert "detector lm build" in done.stderr
    assert "+lm" not in done.stdout


@pytest.mark.usefixtures("other_reader")
@pytest.mark.parametrize("arguments", [["--no-lm", "a.txt"], ["a.txt", "b.txt"]])
def test_nobody_is_warned_who_does_not_use_it(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["score", *arguments])
    assert done.exit_code == 0
    assert "language model" not in done.stderr


@pytest.mark.usefixtures("other_reader")
@pytest.mark.parametrize("arguments", [["score", "a.txt", "b.txt"], ["score", "a.txt"], ["explain", "a.txt"]])
def test_who_asks_for_it_is_told(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, [*arguments, "--lm"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "detector lm build" in done.stderr


def test_bulk_runs_refuse_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["score", "x", "--lm", "--output-dir", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "--lm does not go with --output-dir" in done.stderr


def test_build_names_a_wheel_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["lm", "build", "--wheel", str(tmp_path / "gone.whl")])
    assert done.exit_code == 2
    assert "gone.whl" in done.stderr
