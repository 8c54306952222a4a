"""`detector export`: both formats, the warning, and how it fails."""

from pathlib import Path

import joblib
import pytest

from tests.cli.conftest import Detect
from tests.texts import STUFFED


def test_joblib_with_its_warning(detect: Detect, bundle: Path, here: Path) -> None:
    answer = detect("export", "-o", "out/model.joblib", "--model", str(bundle), "--policy", "sensitive")
    assert answer.status == 0
    assert "runs the code in it" in answer.err
    assert joblib.load(here / "out" / "model.joblib").predict([STUFFED]).tolist() == [[0, 1]]
    assert [path.name for path in (here / "out").iterdir()] == ["model.joblib"]


def test_onnx(detect: Detect, bundle: Path, here: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="ONNX export needs onnx")
    answer = detect("export", "--output", "model.bin", "--format", "onnx", "--model", str(bundle))
    assert (answer.status, answer.err) == (0, "")
    onnx.checker.check_model(onnx.load(str(here / "model.bin")))


def test_what_cannot_be_done(detect: Detect, bundle: Path, here: Path) -> None:
    unknown = detect("export", "-o", "model.pkl", "--model", str(bundle))
    assert unknown.status == 2
    assert "name it .joblib or .onnx" in unknown.err
    (here / "file").write_text("")
    blocked = detect("export", "-o", "file/model.joblib", "--model", str(bundle))
    assert blocked.status == 2
    assert "can't be written" in blocked.err
