from pathlib import Path

import pytest

from detector.cli.common import OutputFormat, PolicyName, UserError
from detector.cli.settings import Settings, settings
from tests.cli.conftest import Detect
from tests.texts import HONEST


def write(folder: Path, table: str) -> None:
    (folder / "pyproject.toml").write_text(f"[project]\nname = 'x'\n{table}")


def test_without_a_file_the_defaults_hold(here: Path) -> None:
    assert settings() == Settings("balanced", None, None, 1)
    write(here, "")
    assert settings() == Settings("balanced", None, None, 1)


def test_the_file_sets_defaults_and_the_command_line_goes_before_them(here: Path) -> None:
    write(here, "[tool.detector]\npolicy = 'precise'\nformat = 'csv'\njobs = 4")
    assert settings() == Settings("precise", None, OutputFormat.csv, 4)
    assert settings(fpr=0.1, format=OutputFormat.json, jobs=2) == Settings(
        "balanced", 0.1, OutputFormat.json, 2
    )
    write(here, "[tool.detector]\nfpr = 0.02")
    assert settings() == Settings("balanced", 0.02, None, 1)
    assert settings(policy=PolicyName.sensitive) == Settings("sensitive", None, None, 1)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[tool.detector]\npolcy = 'x'", "no setting 'polcy'; there are policy, fpr, format, jobs"),
        ("[tool.detector]\npolicy = 'lax'", "expected one of precise, balanced, sensitive"),
        ("[tool.detector]\nformat = 1", "expected one of human"),
        ("[tool.detector]\njobs = true", "expected a number of threads"),
        ("[tool.detector]\njobs = -1", "expected a number of threads"),
        ("[tool.detector]\nfpr = 'low'", "expected a rate"),
        ("[tool.detector]\nfpr = 0.1\npolicy = 'precise'", "both policy and fpr"),
        ("[tool]\ndetector = 3", "not a table"),
        ("[tool.detector", "can't be read"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_where(here: Path, table: str, words: str) -> None:
    write(here, table)
    with pytest.raises(UserError, match=r"pyproject\.toml") as caught:
        settings()
    assert words in str(caught.value)


def test_the_command_uses_them(detect: Detect, here: Path) -> None:
    (here / "a.txt").write_text(HONEST)
    write(here, "[tool.detector]\nformat = 'csv'")
    assert detect("score", "a.txt").out.startswith("id,url")
    assert detect("score", "a.txt", "-o", "b.json").status == 0
    assert (here / "b.json").read_text().startswith("[")
    write(here, "[tool.detector]\nformat = 'pdf'")
    answer = detect("score", "a.txt")
    assert answer.status == 2
    assert answer.err.startswith("detector: error: pyproject.toml")
