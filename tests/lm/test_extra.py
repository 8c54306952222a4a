"""What holds with and without the extra `lm`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ENVIRONMENT
from tests.lm.conftest import MISSING
from tests.texts import SPUN


def test_the_extra_is_there() -> None:
    if MISSING:
        pytest.skip(f"tests/lm needs {', '.join(MISSING)}: pip install 'spun-text-detector[lm]'")
    import onnxruntime

    assert "CPUExecutionProvider" in onnxruntime.get_available_providers()


def test_plain_scoring_imports_nothing_of_it() -> None:
    code = f"""
import sys
from detector import load
load().score({SPUN!r})
assert not {{"onnxruntime", "onnx", "tokenizers", "gguf"}} & set(sys.modules), "imported"
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)


def test_asking_for_it_unbuilt_says_which_command_builds_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(SPUN)
    call = [sys.executable, "-m", "detector", "score", "--lm", str(tmp_path / "a.txt")]
    empty = ENVIRONMENT | {"DETECTOR_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(call, capture_output=True, text=True, check=False, env=empty)
    assert done.returncode == 2
    assert ("pip install" if MISSING else "detector lm build") in done.stderr
    assert done.stdout == ""
